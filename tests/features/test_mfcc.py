"""MFCC statistics against librosa's coefficients."""

from __future__ import annotations

import librosa
import numpy as np

from finback.features.mfcc import mfcc, mfcc_statistics


def test_coefficients_equal_librosas() -> None:
    logmel = np.random.default_rng(0).normal(-40, 10, (96, 112)).astype(np.float32)
    assert np.allclose(mfcc(logmel), librosa.feature.mfcc(S=logmel, n_mfcc=20), atol=1e-4)


def test_statistics_of_a_steady_sound_have_no_spread() -> None:
    steady = np.repeat(np.linspace(-60, -20, 96)[:, None], 112, axis=1)
    statistics = mfcc_statistics(steady)
    assert statistics.shape == (80,)
    assert np.allclose(statistics[20:], 0, atol=1e-6)  # deviations, and everything of the difference
    assert np.allclose(statistics[:20], mfcc(steady)[:, 0], atol=1e-3)
