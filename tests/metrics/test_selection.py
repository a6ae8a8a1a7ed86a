"""The worth of a choice: recipes that are equally good have no lead where they are judged."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.paired import NOT_TESTED
from finback.metrics.selection import Answers, GroupScores, chosen_and_judged, detectable


def answers(right: list[float], n_groups: int = 40, seed: int = 0) -> Answers:
    """Recipes that are right in these shares of the groups, each independently of the others."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_groups) % 4, 5)
    groups = tuple(f"g{i:02d}" for i in np.repeat(np.arange(n_groups), 5))
    predicted = []
    for share in right:
        hits = np.repeat(rng.random(n_groups) < share, 5)
        predicted.append([np.where(hits, truth, (truth + 1) % 4)])
    return Answers(truth, groups, predicted)


def test_the_lead_of_the_best_of_equals_is_gone_where_it_is_judged() -> None:
    names = [f"r{i}" for i in range(9)]
    found = [chosen_and_judged(answers([0.6] * 9, seed=s), names, "r0", range(4)) for s in range(6)]
    assert np.mean([f["lead_chosen"] for f in found]) > 0.1
    assert np.mean([f["shrinkage"] for f in found]) > 0.05
    assert all(sum(f["chosen"].values()) == pytest.approx(1) for f in found)
    assert all(f["lead_judged_ci"][0] < 0.05 for f in found)


def test_a_lead_that_is_real_stays() -> None:
    found = chosen_and_judged(answers([0.3, 0.95]), ["a", "b"], "a", range(4))
    assert found["chosen"] == {"b": 1.0}
    assert found["lead_judged"] == pytest.approx(found["lead_chosen"], abs=0.05)
    assert found["lead_judged_ci"][0] > 0.3


def test_one_weighting_is_the_macro_f1_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    given = answers([0.7, 0.5])
    scores = GroupScores.of(given, [0, 2, 3])
    found = scores(np.ones((1, scores.n_groups)))[:, 0]
    for value, (predicted,) in zip(found, given.predicted, strict=True):
        assert value == pytest.approx(f1_score(given.truth, predicted, labels=[0, 2, 3], average="macro"))


def test_clips_that_were_not_tested_do_not_count() -> None:
    given = answers([0.7])
    part = np.where(np.array(given.groups) < "g20", given.predicted[0][0], NOT_TESTED)
    only = GroupScores.of(Answers(given.truth, given.groups, [[part]]), range(4))
    half = np.array([[float(i < 20) for i in range(40)]])
    whole = GroupScores.of(given, range(4))
    assert only(np.ones((1, 40))) == pytest.approx(whole(half))


def test_few_groups_choose_nothing() -> None:
    assert chosen_and_judged(answers([0.5, 0.5], 3), ["a", "b"], "a", range(3))["lead_judged"] is None


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    """Hand-worked: an interval of +-0.1 is 1.96 standard errors of 0.051; 2.8 of them are 0.143."""
    assert detectable([[-0.1, 0.1], None, [0.0, 0.2]]) == pytest.approx(0.1429, abs=1e-4)
    assert detectable([None]) is None
