"""What a sound is like: silence, clipping, its spectrum; each sample counts once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from finback.audio.measured import Measured, Sound, measured
from finback.audio.samples import ArraySamples

RATE = 8000


def of(x: np.ndarray, rate: int = RATE) -> Sound:
    return measured(ArraySamples(x.astype(np.float64), rate), 0, len(x))


def noise(n: int = RATE, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(n)


def test_silence_and_a_constant_have_no_band() -> None:
    for x in (np.zeros(RATE), np.full(RATE, 0.3)):
        sound = of(x)
        assert (sound.silent_share, sound.peak, sound.end_hz, sound.high_hz) == (1, 0, 0, 0)
        assert sound.share_above(100) == 0


def test_a_click_in_silence_is_mostly_silence() -> None:
    x = np.zeros(3 * RATE)
    x[5000:5008] = 0.5
    assert of(x).silent_share == pytest.approx(1 - 20 / len(x))
    assert of(noise()).silent_share == 0


def test_clipping_is_found_in_the_parts_that_have_it() -> None:
    loud = np.clip(40 * noise(3 * RATE), -1, 1)
    assert of(loud).clipped_share == 1
    assert of(np.concatenate([loud, noise(3 * RATE)])).clipped_share == 0.5
    assert of(noise()).clipped_share == 0


def test_the_end_of_the_band_is_that_of_the_filter() -> None:
    assert of(noise()).end_hz > 3900
    low = sosfilt(butter(12, 500, fs=RATE, output="sos"), noise())
    sound = of(low)
    assert 500 < sound.end_hz < 1200
    assert 350 < sound.high_hz <= 510
    assert 10 < sound.low_hz < 50
    assert sound.share_above(1000) < 0.001
    assert of(noise()).share_above(2000) == pytest.approx(0.5, abs=0.05)


def test_each_sample_is_measured_once_and_none_outside() -> None:
    x = noise(10_000)
    whole = ArraySamples(x, RATE)
    heard = Measured(whole, 1000, 9000)
    for start, stop in ((0, 3000), (0, 3000), (2000, 5000), (4000, 10_000)):
        assert np.array_equal(heard.read(start, stop), whole.read(start, stop))
    assert heard.sound.n_samples == 8000
    assert heard.sound.peak == pytest.approx(np.abs(x[1000:9000]).max(), rel=0.02)
    assert heard.reaches(10_000)
    assert not heard.reaches(10_001)
