"""Clips are analysed once for the family `calls`, and a kept analysis gives the same model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finback import models
from finback.audio.io import open_recording, write
from finback.core.errors import AudioError
from finback.core.progress import no_progress
from finback.core.types import Clip, Labels
from finback.features.spec import FeatureSpec
from finback.models.networks.calls import tables
from finback.models.networks.calls.network import Calls
from finback.training import calls

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Two species: tones and clicks in noise; and silence."""
    rng, t = np.random.default_rng(3), np.arange(8000) / 8000
    sounds = {"one": np.sin(2 * np.pi * (900 + 400 * t) * t) * (t > 0.4), "two": (t * 8000 % 1000 < 8) * 1.0}
    found = []
    for name, x in sounds.items():
        write(tmp_path / f"{name}.wav", 0.3 * x + 0.005 * rng.standard_normal(8000), 8000)
    write(tmp_path / "quiet.wav", np.zeros(8000), 8000)
    for i, name in enumerate((*sounds, "quiet")):
        recording = open_recording(tmp_path / f"{name}.wav", group=f"tape{i}")
        found.append(Clip(recording, 0, 8000, label=name if name in sounds else "one"))
    return found


def fitted(clips: list[Clip], folder: Path | None) -> Calls:
    model = models.create("calls", SPEC, 2)
    assert isinstance(model, Calls)
    calls.fit_calls(model, clips, Labels.of(clips), no_progress, folder)
    return model


def same(a: Calls, b: Calls) -> bool:
    return all(torch.equal(getattr(a, f"of_{name}"), getattr(b, f"of_{name}")) for name in tables.TABLES)


def test_a_kept_analysis_gives_the_same_model(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fitted(clips, None)
    assert min(len(plain.of_contours), len(plain.of_pulse_times)) > 0
    assert same(plain, fitted(clips, tmp_path / "cache"))
    monkeypatch.setattr(calls, "analyse", lambda *_: pytest.fail("analysed again"))
    assert same(plain, fitted(clips, tmp_path / "cache"))


def test_species_and_tape_are_those_of_the_training_and_not_of_the_entry(
    clips: list[Clip], tmp_path: Path
) -> None:
    fitted(clips, tmp_path / "cache")
    other = [replace(clip, label={"one": "two", "two": "one"}[clip.label or ""]) for clip in clips[1:]]
    assert same(fitted(other, None), fitted(other, tmp_path / "cache"))


def test_a_damaged_entry_is_analysed_again(clips: list[Clip], tmp_path: Path) -> None:
    plain = fitted(clips, tmp_path / "cache")
    entries = sorted((tmp_path / "cache").glob("scenes-*/*/*.npz"))
    assert len(entries) == 3
    entries[0].write_bytes(entries[0].read_bytes()[:-30])
    np.savez(entries[1], other=np.zeros(3))
    assert same(plain, fitted(clips, tmp_path / "cache"))


def test_a_changed_recording_is_not_taken_for_the_old_one(clips: list[Clip], tmp_path: Path) -> None:
    fitted(clips, tmp_path / "cache")
    write(clips[0].recording.path, np.zeros(8000), 8000)
    with pytest.raises(AudioError, match="content changed"):
        fitted(clips, tmp_path / "cache")
