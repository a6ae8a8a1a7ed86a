"""Sets of species by tape, against numbers worked by hand and on simulated exchangeable tapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from finback.metrics.conformal import least_groups, least_probability, set_figures, species_sets


def test_nine_tapes_promise_nine_of_ten() -> None:
    assert [least_groups(level) for level in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    nine = [np.array([0.1 * k]) for k in range(1, 10)]
    assert least_probability(nine, 0.9) == pytest.approx(0.1)  # 9 of 10 shares are reached at the last one
    assert least_probability(nine[1:], 0.9) == 0.0  # 8 of 9 shares are not 0.9: all species


def test_a_tape_counts_once_however_many_clips_it_has() -> None:
    """Four tapes, each share 1/5; at 0.6 the third best tape decides, and its half where it has two clips."""
    tapes = [np.full(50, 0.9), np.array([0.7]), np.array([0.5, 0.3]), np.array([0.1])]
    assert least_probability(tapes, 0.4) == 0.7
    assert least_probability(tapes, 0.5) == 0.5
    assert least_probability(tapes, 0.6) == 0.3
    assert least_probability([], 0.5) == 0.0


def test_the_most_probable_species_is_always_inside() -> None:
    p = np.array([[0.4, 0.35, 0.25], [0.9, 0.06, 0.04]])
    assert species_sets(p, 0.3).tolist() == [[True, True, False], [True, False, False]]
    assert species_sets(p, 0.95).sum(axis=1).tolist() == [1, 1]
    assert species_sets(p, 0.0).all()
    assert species_sets(np.zeros((0, 3)), 0.5).shape == (0, 3)


def tapes(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """Probabilities of the true species on n exchangeable tapes: easy ones have 20 clips, hard ones 2."""
    found = []
    for _ in range(n):
        ease = rng.normal(0, 2)
        size = 20 if ease > 0 else 2
        found.append(1 / (1 + np.exp(-ease - rng.normal(0, 0.5, size))))
    return found


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_the_coverage_holds_on_new_tapes_and_is_lost_when_clips_are_counted(level: float) -> None:
    """400 times: 20 tapes to calibrate, a clip of a new tape to test. Sets by clip promise too much."""
    rng = np.random.default_rng(0)
    held = np.zeros(2, dtype=int)
    n = 400
    for _ in range(n):
        known, new = tapes(rng, 20), tapes(rng, 1)[0]
        clips = [np.array([p]) for one in known for p in one]
        held += [rng.choice(new) >= least_probability(k, level) for k in (known, clips)]
    assert held[0] >= binom.ppf(0.01, n, level)
    assert held[0] <= binom.ppf(0.99, n, level + 1 / 21)  # not by giving everything
    assert held[1] < binom.ppf(0.01, n, level)


def test_figures_give_every_tape_the_same_weight() -> None:
    inside = np.array([[True, False], [True, False], [True, False], [True, True]])
    found = set_figures(inside, np.array([0, 0, 1, 1]), ["a", "a", "a", "b"])
    assert found["coverage"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["coverage_of_clips"] == 0.75
    assert found["mean_size"] == pytest.approx(1.5)
    assert found["one_species"] == pytest.approx(0.5)
    assert found["coverage_ci"] == [pytest.approx(2 / 3), 1.0]
    assert set_figures(inside[:3], np.zeros(3, int), ["a"] * 3)["coverage_ci"] is None
