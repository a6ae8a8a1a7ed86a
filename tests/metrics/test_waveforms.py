"""Measures of vocoders against numbers worked by hand, and the noise figures that the docstring promises."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics import waveforms as v


def noise(n: int = 3, length: int = 40_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (n, length)).astype(np.float32)


def test_equal_sounds_are_at_no_distance() -> None:
    waves, mel = noise(), np.random.default_rng(1).normal(-50, 9, (3, 16, 20))
    found = v.measures(waves, waves, mel, mel, v.Transform(2048, 512, 8000, 0, 4000))
    assert tuple(found) == v.MEASURES
    for name, values in found.items():
        assert values.shape == (3,)
        assert values == pytest.approx(v.MEANINGS[name][1], abs=1e-6)


def test_half_as_loud_is_6_db_everywhere() -> None:
    waves = noise()
    six = 20 * np.log10(2)
    assert v.log_spectral_distance(waves, waves / 2, 1024, 256) == pytest.approx(six, rel=1e-4)
    assert v.envelope_error(waves, waves / 2) == pytest.approx(six, rel=1e-4)
    # spectral convergence |x - x/2| / |x| and a log magnitude of ln 2
    assert v.multi_resolution(waves, waves / 2) == pytest.approx(0.5 + np.log(2), rel=1e-4)


def test_noise_is_as_far_from_noise_as_the_docstring_says() -> None:
    x, y = noise(4), noise(4, seed=9)
    assert v.log_spectral_distance(x, y, 2048, 512).mean() == pytest.approx(7.9, abs=0.1)
    draws = np.random.default_rng(2).exponential(size=100_000)
    log = 10 * np.log10(draws)
    assert log.mean() == pytest.approx(-2.5, abs=0.05)
    assert log.std() == pytest.approx(5.57, abs=0.05)
    assert np.sqrt(np.mean(log**2)) == pytest.approx(6.1, abs=0.05)


def test_what_is_80_db_below_counts_as_silence() -> None:
    tone = np.sin(np.arange(20_000) * 0.3)[None].astype(np.float32)
    dither = 1e-6 * noise(1, 20_000)
    assert v.log_spectral_distance(tone, tone + dither, 1024, 256)[0] < 0.05
    assert v.envelope_error(np.zeros((1, 4096)), np.zeros((1, 4096))) == pytest.approx(0)


def test_mel_measures_by_hand() -> None:
    real = np.array([[[0.0, 2.0, 2.0], [0.0, 0.0, 4.0]]])  # rises 1, then 2 (means over bands)
    made = np.array([[[0.0, 2.0, 2.0], [0.0, 0.0, 2.0]]])  # rises 1, then 1
    assert v.mel_l1(real, made) == pytest.approx(2 / 6)
    assert v.onset_error(real, made) == pytest.approx(1 / 5)
    expected = np.corrcoef(real.ravel(), made.ravel())[0, 1]
    assert v.mel_correlation(real, made) == pytest.approx(expected)
    assert v.mel_correlation(real, np.zeros_like(real)) == 0
    assert v.onset_error(np.zeros((1, 2, 3)), np.zeros((1, 2, 3))) == 0


def test_short_sounds_and_other_lengths() -> None:
    assert np.isfinite(v.multi_resolution(noise(1, 300), noise(1, 300, 4))).all()
    with pytest.raises(ValueError, match="cannot be compared"):
        v.log_spectral_distance(noise(1, 3000), noise(1, 2999), 512, 128)


def test_only_the_band_of_the_spectrogram_counts() -> None:
    """A hum outside the band, which no log-mel of that band holds, changes nothing."""
    x = noise(2, 20_000)
    hum = 0.3 * np.sin(2 * np.pi * 0.02 * np.arange(20_000))[None].astype(np.float32)
    mel = np.zeros((2, 4, 8))
    whole = v.measures(x + hum, x, mel, mel, v.Transform(512, 128, 1000, 0, 500))
    part = v.measures(x + hum, x, mel, mel, v.Transform(512, 128, 1000, 100, 400))
    assert whole["lsd_db"].mean() > 0.5
    assert whole["envelope_db"].mean() > 3
    assert part["lsd_db"] == pytest.approx(0, abs=0.05)
    assert part["envelope_db"] == pytest.approx(0, abs=0.05)


def test_silence_and_sounds_shorter_than_a_window_have_finite_distances() -> None:
    mel = np.full((1, 4, 2), -100.0)
    for length in (20, 100, 192, 4000):
        silent = np.zeros((1, length), dtype=np.float32)
        hiss = 1e-6 * noise(1, length)  # 120 dB down: nothing
        for other in (silent, hiss):
            found = v.measures(silent, other, mel, mel, v.Transform(512, 128, 192_000, 5000, 96_000))
            for name, values in found.items():
                assert np.isfinite(values).all(), name
                assert name == "mel_correlation" or values == pytest.approx(0, abs=1e-6)
