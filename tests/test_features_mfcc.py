"""MFCC statistics against librosa's coefficients."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from finback.features.mfcc import cepstral_shape, mfcc, mfcc_statistics


def test_coefficients_equal_librosas() -> None:
    logmel = np.random.default_rng(0).normal(-40, 10, (96, 112)).astype(np.float32)
    assert np.allclose(mfcc(logmel), librosa.feature.mfcc(S=logmel, n_mfcc=20), atol=1e-4)


def test_statistics_of_a_steady_sound_have_no_spread() -> None:
    steady = np.repeat(np.linspace(-60, -20, 96)[:, None], 112, axis=1)
    statistics = mfcc_statistics(steady)
    assert statistics.shape == (80,)
    assert np.allclose(statistics[20:], 0, atol=1e-6)  # deviations, and everything of the difference
    assert np.allclose(statistics[:20], mfcc(steady)[:, 0], atol=1e-3)


def test_shape_of_the_distribution_by_hand() -> None:
    """One band alone: its coefficient is its value, whose deciles and skewness can be worked out."""
    values = np.array([[0.0] * 9 + [10.0]])
    found = cepstral_shape(values, 1)
    assert found.shape == (7,)
    assert np.allclose(found[:4], mfcc_statistics(values, 1))
    assert found[4:6] == pytest.approx(np.quantile(values, [0.1, 0.9]))
    assert found[6] == pytest.approx((0.9 * (-1.0) ** 3 + 0.1 * 9.0**3) / 3.0**3, rel=1e-3)


def test_silence_has_no_skewness() -> None:
    assert np.array_equal(cepstral_shape(np.full((2, 8, 5), -100.0), 4)[:, -4:], np.zeros((2, 4)))
