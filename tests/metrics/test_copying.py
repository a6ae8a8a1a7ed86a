"""Copies are found, also rolled and louder ones; real controls are compared with the same thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.copying import (
    CopyThresholds,
    best_shift,
    copying,
    diversity,
    flat,
    shifted_distances,
    vector_distances,
    whitened,
)


def clips(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (n, 6, 16)).astype(np.float32)


def test_a_rolled_louder_copy_has_no_distance() -> None:
    x = clips(3)
    copy = 2.0 * np.roll(x[1:2], 5, axis=2) - 40.0
    distances = shifted_distances(copy, x)
    assert distances.shape == (1, 3)
    assert distances[0, 1] == pytest.approx(0.0, abs=2e-3)
    assert distances[0, [0, 2]].min() > 0.7


def test_distances_are_those_of_the_best_roll() -> None:
    x, y = clips(70), clips(4, seed=1)  # more rows than one slice
    found = shifted_distances(x, y)
    a, b = flat(x), flat(y)
    for i, j in ((0, 0), (69, 3), (64, 1)):
        slow = min(np.linalg.norm(a[i] - np.roll(b[j], shift, axis=1)) for shift in range(16))
        assert found[i, j] == pytest.approx(slow, abs=1e-3)


def test_best_shift_brings_a_clip_back() -> None:
    x = clips(1)[0]
    for shift in (0, 3, 15):
        y = np.roll(x, -shift, axis=1)
        assert best_shift(x, y) == shift
        assert np.array_equal(np.roll(y, best_shift(x, y), axis=1), x)


def test_a_constant_clip_does_not_divide_by_zero() -> None:
    assert np.isfinite(shifted_distances(np.zeros((1, 6, 16)), clips(2))).all()


def test_thresholds_by_hand() -> None:
    x = np.array([[0.0], [1.0], [3.0], [7.0]])
    thresholds = CopyThresholds.of(
        vector_distances(x, x), ["a", "a", "b", "b"], np.array([1.0, 2.0, 6.0]), share=0.0
    )
    assert thresholds.pair == 2.0  # 1 to 3
    assert thresholds.nearest == 2.0  # nearest of another tape: 3, 2, 2, 6
    assert thresholds.typical == 2.0
    high = CopyThresholds.of(vector_distances(x, x), ["a", "a", "b", "b"], np.array([]), share=1.0)
    assert (high.pair, high.nearest, high.typical) == (7.0, 6.0, None)


def test_thresholds_of_one_tape_are_undefined() -> None:
    thresholds = CopyThresholds.of(np.zeros((2, 2)), ["a", "a"], np.array([1.0]))
    assert thresholds == CopyThresholds(None, None, 1.0)
    assert copying(np.array([0.5]), thresholds)["below_pair"] is None


def test_copying_counts_what_lies_too_near() -> None:
    found = copying(np.array([0.0, 0.1, 1.0, 3.0]), CopyThresholds(pair=0.5, nearest=0.05, typical=2.0))
    assert found["below_pair"] == 0.5
    assert found["below_nearest"] == 0.25
    assert found["ratio"] == pytest.approx(0.55 / 2.0)
    assert found["ratio_low"] == pytest.approx(0.015 / 2.0)  # a twentieth of the way from 0 to 3 places on
    assert copying(np.zeros(0), CopyThresholds(1.0, 1.0, 1.0))["n"] == 0


def test_copies_are_distinguished_from_new_clips() -> None:
    train = clips(60)
    thresholds = CopyThresholds.of(
        shifted_distances(train, train), [str(i // 6) for i in range(60)], np.array([1.0])
    )
    fresh = copying(shifted_distances(clips(40, seed=9), train).min(axis=1), thresholds)
    copies = copying(shifted_distances(np.roll(train[:40], 3, axis=2), train).min(axis=1), thresholds)
    assert copies["below_nearest"] == copies["below_pair"] == 1.0
    assert fresh["below_nearest"] < 0.15


def test_diversity() -> None:
    real = vector_distances(np.array([[0.0], [2.0]]), np.array([[0.0], [2.0]]))
    assert diversity(real, real) == 1.0
    assert diversity(np.zeros((3, 3)), real) == 0.0
    three = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]])
    assert diversity(three, real) == pytest.approx(2.0 / 2.0)  # a sound's distance to itself does not count
    assert diversity(np.zeros((1, 1)), real) is None
    assert diversity(real, np.zeros((2, 2))) is None


def test_whitened_copies_are_found_and_clips_of_one_tape_are_not() -> None:
    rng = np.random.default_rng(0)
    tape = rng.normal(0, 10, (1, 20, 1))
    a, b = (tape + rng.normal(size=(1, 20, 60)) for _ in range(2))
    assert shifted_distances(a, b)[0, 0] < 0.3
    assert shifted_distances(whitened(a), whitened(b))[0, 0] > 1.2
    copy = np.roll(a, 7, axis=2) * 2 + rng.normal(0, 10, (1, 20, 1))  # through another filter
    assert shifted_distances(whitened(a), whitened(copy))[0, 0] < 0.01
