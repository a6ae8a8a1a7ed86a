"""Clicks, rhythms and contours of which the values are known; padding does not count."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.coherence import common_share, kurtosis, periodicity, ridge_length

HOP_S = 0.025


def noise(n_bands: int = 40, n_frames: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1.0, (1, n_bands, n_frames))


def train(period: int, n_frames: int = 80) -> np.ndarray:
    """(1, 40, n_frames) clicks of all bands, one every `period` frames, over weak noise."""
    x = noise(n_frames=n_frames) * 0.1
    x[:, :, ::period] += 30.0
    return x


def test_common_share_by_hand() -> None:
    together = np.array([[[0.0, 2.0], [0.0, 2.0]]])  # variances 1 and 1, of the mean 1
    apart = np.array([[[0.0, 2.0], [2.0, 0.0]]])  # of the mean 0
    one = np.array([[[0.0, 2.0], [5.0, 5.0]]])  # variances 1 and 0, of the mean 1/4
    x = np.concatenate([together, apart, one, np.zeros((1, 2, 2))])
    assert common_share(x).tolist() == [1.0, 0.0, 0.5, 0.0]


def test_clicks_are_common_to_all_bands_and_noise_is_not() -> None:
    assert common_share(train(9))[0] > 0.95
    assert common_share(noise())[0] == pytest.approx(1 / 40, rel=0.5)


def test_a_train_of_clicks_is_periodic() -> None:
    assert periodicity(train(9), HOP_S)[0] > 0.95
    # Twice in the window, more than a second apart, or less than 30 ms apart: no period.
    assert periodicity(train(45), HOP_S)[0] < 0.5
    assert periodicity(train(60, 240), HOP_S)[0] < 0.5
    assert periodicity(train(2), 0.010)[0] > 0.95  # the lags of 4 frames and more
    assert periodicity(np.zeros((1, 4, 30)), HOP_S)[0] == 0.0


def test_padding_is_not_a_period() -> None:
    once = np.zeros((1, 4, 20))
    once[:, :, 3] = 30.0
    tiled = np.tile(once, (1, 1, 5))
    assert periodicity(tiled, HOP_S)[0] > 0.95
    assert periodicity(tiled, HOP_S, np.array([20]))[0] < 0.5
    zeros = np.concatenate([train(9), np.full((1, 40, 40), -60.0)], axis=2)
    assert common_share(zeros, np.array([80])) == common_share(train(9))


def test_a_whistle_is_a_ridge_of_its_duration() -> None:
    x = noise() * 0.1
    for frame in range(10, 50):
        x[0, 10 + frame // 3, frame] += 40.0  # a rising contour of 40 frames
    assert ridge_length(x, HOP_S)[0] == pytest.approx(40 * HOP_S)
    x[0, 35, 60] += 40.0  # a single peak: 40 peaks of a ridge of 40 frames, and one of 1
    assert ridge_length(x, HOP_S)[0] == pytest.approx((40 * 40 + 1) / 41 * HOP_S)
    assert ridge_length(train(9), HOP_S)[0] == 0.0  # a click has no narrow peak


def test_kurtosis_by_hand() -> None:
    rare = np.array([[[0.0, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]]])  # moments 3 and 21 of the first band
    halves = np.array([[[0.0, 4.0, 0.0, 4.0], [2.0, 0.0, 2.0, 0.0]]])
    assert kurtosis(rare)[0] == pytest.approx(21 / 9)
    assert kurtosis(halves)[0] == pytest.approx(1.0)
    assert kurtosis(np.ones((1, 2, 4)))[0] == 0.0
    assert kurtosis(noise(n_frames=2000))[0] == pytest.approx(3.0, abs=0.15)
    assert kurtosis(train(40))[0] > 30
