"""Scores of unknown sounds, against hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.novelty import NearestMean, auroc, energy, largest_logit, largest_probability


def test_scores_of_logits() -> None:
    z = np.log([[1.0, 1.0, 2.0], [10.0, 5.0, 5.0]])
    np.testing.assert_allclose(energy(z), np.log([4, 20]))
    np.testing.assert_allclose(largest_probability(z), [0.5, 0.5])
    np.testing.assert_allclose(largest_logit(z), np.log([2, 10]))


def test_the_energy_sees_a_level_that_probabilities_lose() -> None:
    near, far = np.array([[8.0, 4.0]]), np.array([[5.0, 1.0]])
    assert largest_probability(near) == pytest.approx(largest_probability(far))
    assert energy(near) > energy(far)


def test_the_distance_is_to_the_nearest_mean_in_units_of_the_spread_within_classes() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([5.0, 0.1])
    z = np.concatenate([rng.normal((0, 0), spread, (500, 2)), rng.normal((0, 9), spread, (500, 2))])
    names = ["a"] * 500 + ["b"] * 500
    score = NearestMean.fit(z, names, names).score
    at = score(np.array([[0.0, 0.0], [0.0, 9.0], [10.0, 9.0], [0.0, 4.5]]))
    assert at[:2] == pytest.approx([0, 0], abs=0.2)
    assert at[2] == pytest.approx(-4, abs=1)  # two standard deviations along the wide axis
    assert at[3] < -200, "halfway between two narrow classes is far from both"


def test_a_mean_of_each_tape_is_nearer_than_one_of_the_species() -> None:
    rng = np.random.default_rng(1)
    z = np.concatenate([rng.normal(c, 0.3, (50, 2)) for c in ((0, 0), (6, 0), (0, 9))])
    species, tapes = ["a"] * 100 + ["b"] * 50, ["1"] * 50 + ["2"] * 50 + ["3"] * 50
    point = np.array([[6.0, 0.0]])
    assert NearestMean.fit(z, tapes, species).score(point) > NearestMean.fit(z, species, species).score(point)
    with pytest.raises(ValueError, match="no embeddings"):
        NearestMean.fit(z[:0], [], [])


def test_auroc_with_ties_and_weights() -> None:
    assert auroc(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == pytest.approx((2 + 0.5) / 4)
    assert auroc(np.array([5.0]), np.array([1.0])) == 1
    twice = auroc(np.array([3.0, 1.0]), np.array([2.0]), (np.array([2.0, 1.0]), np.array([1.0])))
    assert twice == pytest.approx(2 / 3)
    assert np.isnan(auroc(np.array([1.0]), np.array([2.0]), (np.zeros(1), np.ones(1))))
