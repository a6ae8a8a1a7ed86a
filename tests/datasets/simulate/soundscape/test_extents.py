"""The extent of a call in the truth: where the sound is, whatever the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from soundscapes import clip_of, made, table

from finback.audio import io


def test_the_extent_of_a_padded_clip_is_its_active_part(tmp_path: Path) -> None:
    rate, rng = 8000, np.random.default_rng(0)
    x = np.zeros(3 * rate)
    x[rate : rate + rate // 2] = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(rate // 2) / rate)
    noisy = x + 1e-3 * rng.standard_normal(len(x))
    for name, y in (("clean", x), ("noisy", noisy)):
        found = made(
            tmp_path / name, [clip_of(tmp_path / f"{name}.wav", y, rate)], species=None, sample_rate=8000
        )
        rows = table(found.truth)
        assert rows
        for row in rows:
            assert float(row["end_s"]) - float(row["start_s"]) == pytest.approx(0.5, abs=0.03)
            assert float(row["low_hz"]) == pytest.approx(1000 / 2 ** (1 / 6), abs=20)
            assert float(row["high_hz"]) == pytest.approx(1000 * 2 ** (1 / 6), abs=20)
            assert (row["source_file"], row["source_group"]) == (f"{name}.wav", "t1")
            assert abs(int(row["source_start"]) - rate) < 0.04 * rate


def test_the_truth_is_where_the_sound_is(tmp_path: Path) -> None:
    """The place of a call by cross-correlation of the recording with the clip is that of the truth."""
    rate = 8000
    t = np.arange(4 * rate) / (4 * rate)
    call = 0.3 * np.sin(2 * np.pi * (800 * t + 300 * t**2)) * np.hanning(4 * rate)
    clip = clip_of(tmp_path / "c.wav", call, 4 * rate)  # at 32 kHz; resampled to 8 kHz
    found = made(tmp_path / "s", [clip], species=None, sample_rate=rate, calls_per_hour=60, snr_db=[20])
    (tape,) = found.audio.iterdir()
    x, y = io.read(tape), call[::4]
    for row in table(found.truth):
        at = int(row["source_start"]) // 4
        wanted = int(row["start_sample"]) - at
        low = max(0, wanted - 400)
        score = np.correlate(x[low : wanted + 400 + len(y)], y, "valid")
        assert abs(low + int(np.argmax(score)) - wanted) <= 90  # the 10 ms of the faded margin


def test_a_click_of_a_hundred_samples_has_a_tiny_extent(tmp_path: Path) -> None:
    rate = 500_000
    x = 0.5 * np.sin(2 * np.pi * 20_000 * np.arange(100) / rate) * np.hanning(100)
    clip = clip_of(tmp_path / "click.wav", x, rate, "Porpoise")
    found = made(tmp_path / "s", [clip], species=None, sample_rate=96_000, minutes=0.1, calls_per_hour=3600)
    for row in table(found.truth):
        assert 1 / 96_000 <= float(row["end_s"]) - float(row["start_s"]) < 2.5e-4
