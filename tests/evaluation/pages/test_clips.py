"""Clips for a page: their sounds, and very short windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finback.audio.io import open_recording, write
from finback.core.types import Clip
from finback.evaluation.pages.clips import around, playable


@pytest.fixture
def clip(tmp_path) -> Clip:
    write(tmp_path / "clicks.wav", np.random.default_rng(0).normal(size=192_000) * 0.1 + 0.2, 192_000)
    recording = open_recording(tmp_path / "clicks.wav")
    return Clip(recording, 0, recording.n_samples)


def test_very_short_windows_are_played_with_their_surroundings(clip):
    wider = around(replace(clip, start=90_000, stop=90_400), clip, 96_000)
    assert wider.n_samples == pytest.approx(192_000 / 16, abs=2)
    assert around(clip, clip, 96_000) == clip


def test_a_clip_is_played_at_a_speed_that_people_hear(clip):
    sound = playable(clip, 96_000)
    assert sound.speed == 1 / 16
    assert "16 times slower" in sound.note
    assert sound.uri.startswith("data:audio/wav;base64,")
