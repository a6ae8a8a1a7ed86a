"""Distances between sets, against hand-worked numbers and plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from finback.metrics.generative import (
    KAD_SCALE,
    KernelBlocks,
    frechet_distance,
    kernel_distance,
    median_distance,
    support,
)


def normal(n: int, d: int = 4, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1.0, (n, d))


def test_kernel_distance_of_a_hand_worked_case() -> None:
    real, made = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    # Width 1, the distance of the two real ones: k(d) = exp(-d^2 / 2).
    within = np.exp(-0.5) + np.exp(-2.0)
    across = (1.0 + np.exp(-2.0) + np.exp(-0.5) + np.exp(-0.5)) / 4
    assert kernel_distance(real, made) == pytest.approx(KAD_SCALE * (within - 2 * across))


def test_kernel_distance_is_unbiased_and_sees_a_shift() -> None:
    same = [kernel_distance(normal(30, seed=i), normal(30, seed=100 + i)) for i in range(60)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    assert min(same) < 0  # a biased one would never be
    assert kernel_distance(normal(30), normal(30, mean=1.0, seed=1)) > 10 * np.std(same)


def test_kernel_distance_is_unbiased_where_species_were_counted_out() -> None:
    strata = np.repeat([0, 1, 2, 3], [2, 2, 3, 5])
    centres = normal(4, seed=7) * 5

    def drawn(seed: int) -> np.ndarray:
        found: np.ndarray = centres[strata] + normal(len(strata), seed=seed)
        return found

    pairs = [(drawn(i), drawn(1000 + i)) for i in range(200)]
    fair = [kernel_distance(a, b, 4.0, (strata, strata)) for a, b in pairs]
    naive = [kernel_distance(a, b, 4.0) for a, b in pairs]
    assert abs(np.mean(fair)) < 3 * np.std(fair) / np.sqrt(len(fair))
    assert np.mean(naive) < -3 * np.std(naive) / np.sqrt(len(naive))
    with pytest.raises(ValueError, match="stratum with one"):
        kernel_distance(normal(3), normal(3), 1.0, (np.array([0, 0, 1]), np.zeros(3, dtype=int)))


def test_the_width_is_the_real_sets_unless_given() -> None:
    real, made = normal(20), normal(20, mean=3.0, seed=1)
    assert kernel_distance(real, made) == kernel_distance(real, made, median_distance(real))
    assert kernel_distance(real, made) != pytest.approx(kernel_distance(made, real))
    assert kernel_distance(3 * real, 3 * made) == pytest.approx(kernel_distance(real, made))


def test_median_distance() -> None:
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == 2.0
    with pytest.raises(ValueError, match="no distance"):
        median_distance(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="equal"):
        median_distance(np.zeros((5, 3)))


@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 5), (6, 9, 20), (6, 60, 20)])
def test_frechet_distance_is_the_plain_formula(n: int, m: int, d: int) -> None:
    a, b = normal(n, d), 2.0 * normal(m, d, mean=0.5, seed=1)
    s, t = np.cov(a.T), np.cov(b.T)
    root = np.real(np.trace(sqrtm(s @ t)))
    plain = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s) + np.trace(t) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(plain, rel=2e-3)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-8)


def test_support_of_a_hand_worked_case() -> None:
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # radii to the first neighbour: 1, 1, 1, 8
    made = np.array([[0.5], [0.6], [5.0]])  # radii: 0.1, 0.1, 4.4
    near = support(real, made, k=1)
    assert near.precision == 1.0  # 5 lies in the ball of 10
    assert near.recall == pytest.approx(2 / 4)  # 1 and 2 lie in the ball of 5; 0.5 and 0.6 reach none
    assert near.density == pytest.approx((2 + 2 + 1) / 3)
    assert near.coverage == pytest.approx(3 / 4)  # the ball of 2 holds none: 0.6 is 1.4 away


def test_support_tells_collapse_from_nonsense() -> None:
    real = normal(100, 2)
    one_place = support(real, normal(100, 2, seed=1) * 0.05)
    assert one_place.precision == 1.0
    assert one_place.recall < 0.1
    assert one_place.coverage < 0.3
    elsewhere = support(real, normal(100, 2, mean=50.0, seed=1))
    assert (elsewhere.precision, elsewhere.coverage, elsewhere.density) == (0.0, 0.0, 0.0)
    same = [support(normal(100, 2, seed=i), normal(100, 2, seed=50 + i)).coverage for i in range(10)]
    assert np.mean(same) == pytest.approx(1 - 2**-5, abs=0.02)


def test_sets_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="one space"):
        kernel_distance(normal(5, 3), normal(5, 4))
    with pytest.raises(ValueError, match="too few"):
        frechet_distance(normal(5), normal(1))
    with pytest.raises(ValueError, match="5-th neighbours"):
        support(normal(5), normal(50))


def test_blocks_give_the_kernel_distance_and_ignore_the_mixture() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 10)
    centres = np.array([0.0, 5.0, 10.0])
    real, made = (centres[y][:, None] + rng.normal(size=(30, 4)) for _ in range(2))
    blocks = KernelBlocks.of(real, y, made, y)
    assert blocks.distance() == pytest.approx(kernel_distance(real, made, strata=(y, y)))
    # Twice as many of one species in one set: another mixture, but no other sounds.
    mixed = np.concatenate([np.arange(30), np.arange(10)])
    assert KernelBlocks.of(real, y, made[mixed], y[mixed]).distance() == pytest.approx(
        blocks.distance(), abs=0.7
    )
    assert kernel_distance(real, made[mixed], strata=(y, y[mixed])) > blocks.distance() + 1
    only = KernelBlocks.of(real[y == 1], y[y == 1], made[y == 1], y[y == 1])
    assert only.distance() != pytest.approx(blocks.distance(np.array([0, 1, 0])))  # of another width
    low, high = blocks.interval() or (np.nan, np.nan)
    assert low < blocks.distance() < high
    assert (low + high) / 2 == pytest.approx(blocks.distance())
    assert only.interval() is None
    with pytest.raises(ValueError, match="two sounds"):
        KernelBlocks.of(real, y, made, y + 5)
