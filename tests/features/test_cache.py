"""The feature cache: keyed by the sound, never by a name; damaged files are computed again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import open_recording, write
from finback.core.types import Clip
from finback.features.cache import LONGEST_KEPT, FeatureStore, batches
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=50)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for i, n in enumerate((900, 2000, 9000)):
        write(tmp_path / f"{i}.wav", np.random.default_rng(i).normal(0, 0.1, n), 2000)
        recording = open_recording(tmp_path / f"{i}.wav")
        found.append(Clip(recording, 0, recording.n_samples))
    return found


class Counting(Extractor):
    calls = 0

    def __call__(self, clip: Clip) -> np.ndarray:
        self.calls += 1
        return super().__call__(clip)


def test_computed_once(clips: list[Clip], tmp_path: Path) -> None:
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    first = [store(c) for c in clips]
    again = [store(c) for c in clips]
    assert store.extractor.calls == 3  # type: ignore[attr-defined]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_renamed_file_is_known_and_another_spec_is_not(clips: list[Clip], tmp_path: Path) -> None:
    FeatureStore(Extractor(SPEC), tmp_path / "cache").prepare(clips)
    moved = clips[0].recording.path.rename(tmp_path / "renamed.wav")
    recording = open_recording(moved)
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    store(Clip(recording, 0, recording.n_samples))
    assert store.extractor.calls == 0  # type: ignore[attr-defined]
    other = FeatureStore(Counting(SPEC.model_copy(update={"n_mels": 20})), tmp_path / "cache")
    assert other(clips[1]).shape[1] == 20


@pytest.mark.parametrize("damage", [b"", b"not an array", None])
def test_a_damaged_file_is_computed_again(clips: list[Clip], tmp_path: Path, damage: bytes | None) -> None:
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    whole = store(clips[0])
    path = next((tmp_path / "cache").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    assert np.array_equal(store(clips[0]), whole)
    assert np.array_equal(np.load(path), whole)


def test_batches_hold_every_window_of_every_clip(clips: list[Clip]) -> None:
    store = FeatureStore(Extractor(SPEC))
    inputs, owners = zip(*batches(store, clips, 4), strict=True)
    assert [len(i) for i in inputs[:-1]] == [4] * (len(inputs) - 1)
    owner = np.concatenate(owners)
    assert np.bincount(owner).tolist() == [len(store(c)) for c in clips]
    assert np.array_equal(np.concatenate(inputs), np.concatenate([store(c) for c in clips]))


def test_a_very_long_clip_goes_past_the_cache(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", np.zeros(1600 * (LONGEST_KEPT + 4)), 2000)
    recording = open_recording(tmp_path / "long.wav")
    clip = Clip(recording, 0, recording.n_samples)
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    store.prepare([clip])
    assert sum(len(piece) for piece in store.stream(clip)) > LONGEST_KEPT
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_the_same_sound_twice_is_computed_once(clips: list[Clip], tmp_path: Path) -> None:
    """Two threads that write one file would trip over each other."""
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    twice = [*clips, *clips]
    assert store.missing(twice) == clips
    store.prepare(twice)
    assert store.extractor.calls == 3  # type: ignore[attr-defined]
    assert store.missing(twice) == []
