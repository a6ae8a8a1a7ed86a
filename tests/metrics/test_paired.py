"""Differences against hand-worked numbers; pairing, ties, seeds and clips that only one model tested."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from finback.metrics import bootstrap
from finback.metrics import classification as classify
from finback.metrics.paired import COMPARED, SeedScores, intervals, paired

# Two tapes of two clips, species 0 and 1 on each.
TRUTH = np.array([0, 1, 0, 1])
GROUPS = list("aabb")
RIGHT = TRUTH.copy()
HALF = np.array([0, 0, 0, 1])  # one mistake, on tape a


def every_draw(monkeypatch: pytest.MonkeyPatch, *rows: list[int]) -> None:
    monkeypatch.setattr(bootstrap, "draw_groups", lambda n, n_boot=0, seed=0: np.array(rows))


def test_by_hand(monkeypatch):
    every_draw(monkeypatch, [2, 0], [1, 1], [0, 2])
    found = paired(TRUTH, [RIGHT], [HALF], GROUPS, multi=[0, 1])
    # On all: 1 - 3/4. F1 of HALF: species 0 2/(2+3)*2 = 0.8, species 1 2/3.
    assert found["accuracy"]["difference"] == pytest.approx(0.25)
    assert found["macro_f1_multi_group"]["difference"] == pytest.approx(1 - (0.8 + 2 / 3) / 2)
    # Tape a alone: accuracy 1 - 1/2, F1 of species 0 there 2/3, of species 1 nought. Tape b alone: equal.
    drawn_accuracy, drawn_f1 = [0.5, 0.25, 0], [1 - 1 / 3, 1 - (0.8 + 2 / 3) / 2, 0]
    assert found["accuracy"]["ci"] == pytest.approx(np.quantile(drawn_accuracy, [0.025, 0.975]))
    assert found["macro_f1_multi_group"]["ci"] == pytest.approx(np.quantile(drawn_f1, [0.025, 0.975]))
    assert found["accuracy"]["ahead"] == pytest.approx((1 + 1 + 0.5) / 3)  # the tie counts half
    assert (found["n_clips"], found["n_groups"]) == (4, 2)


def test_turned_round_it_is_the_opposite():
    rng = np.random.default_rng(0)
    truth, a, b = rng.integers(0, 4, (3, 200))
    groups = [str(g) for g in rng.integers(0, 20, 200)]
    one, other = paired(truth, [a], [b], groups, range(4)), paired(truth, [b], [a], groups, range(4))
    for name in COMPARED:
        assert one[name]["difference"] == pytest.approx(-other[name]["difference"])
        assert one[name]["ci"] == pytest.approx([-x for x in reversed(other[name]["ci"])])
        assert one[name]["ahead"] == pytest.approx(1 - other[name]["ahead"])


def test_the_difference_is_that_of_the_usual_scores():
    rng = np.random.default_rng(1)
    truth, a, b = rng.integers(0, 5, (3, 300))
    groups = [str(g) for g in rng.integers(0, 30, 300)]
    found = paired(truth, [a], [b], groups, multi=[1, 3])

    def f1(p):
        return f1_score(truth, p, labels=[1, 3], average="macro")

    assert found["accuracy"]["difference"] == pytest.approx(
        accuracy_score(truth, a) - accuracy_score(truth, b)
    )
    assert found["macro_f1_multi_group"]["difference"] == pytest.approx(f1(a) - f1(b))
    recall = [recall_score(truth, p, labels=[1, 3], average="macro") for p in (a, b)]
    assert found["macro_recall_multi_group"]["difference"] == pytest.approx(recall[0] - recall[1])


def test_the_same_twice_is_a_tie_everywhere():
    found = paired(TRUTH, [HALF], [HALF], GROUPS, [0, 1])
    assert found["accuracy"] == {"difference": 0.0, "ci": [0.0, 0.0], "ahead": 0.5}


def test_seeds_are_averaged_within_a_draw(monkeypatch):
    every_draw(monkeypatch, [2, 0], [0, 2])
    wrong_on_b = np.array([0, 1, 1, 1])
    found = paired(TRUTH, [RIGHT, RIGHT], [HALF, wrong_on_b], GROUPS, [0, 1])
    assert found["accuracy"]["difference"] == pytest.approx(0.25)
    assert found["accuracy"]["ci"] == pytest.approx([0.25, 0.25])  # half of 0.5 whichever tape is drawn


def test_only_clips_that_both_tested_count():
    missing = np.array([-1, 0, 0, 1])  # the clip that HALF gets right is not tested here
    found = paired(TRUTH, [RIGHT], [missing], GROUPS, [0, 1])
    assert found["n_clips"] == 3
    assert found["accuracy"]["difference"] == pytest.approx(1 / 3)
    nobody = np.full(4, -1)
    again = paired(TRUTH, [RIGHT, RIGHT], [missing, nobody], GROUPS, [0, 1])
    assert again["accuracy"]["difference"] == pytest.approx(1 / 3)  # that seed has nothing to say
    with pytest.raises(ValueError, match="tested by both"):
        paired(TRUTH, [RIGHT], [nobody], GROUPS, [0, 1])


def test_a_tape_that_only_one_model_tested_is_not_drawn():
    found = paired(TRUTH, [RIGHT], [np.array([-1, -1, 0, 0])], GROUPS, [0, 1])
    assert found["n_groups"] == 1
    assert found["accuracy"] == {"difference": 0.5, "ci": None, "ahead": None}


def test_no_species_with_several_tapes_leaves_macro_f1_undefined():
    found = paired(TRUTH, [RIGHT], [HALF], GROUPS, [])
    assert found["macro_f1_multi_group"] == {"difference": None, "ci": None, "ahead": None}
    assert found["accuracy"]["difference"] == 0.25


def test_pairing_sees_what_two_intervals_hide():
    """Hard and easy tapes; one model is right on one clip more of every tape. Alone, both vary widely."""
    rng = np.random.default_rng(2)
    groups, ours, theirs = [], [], []
    for tape in range(12):
        hits = int(rng.integers(0, 9))
        groups += [str(tape)] * 10
        ours += [0] * (hits + 1) + [1] * (9 - hits)
        theirs += [0] * hits + [1] * (10 - hits)
    truth, a, b = np.zeros(120, int), np.array(ours), np.array(theirs)
    low, high = paired(truth, [a], [b], groups, [0])["accuracy"]["ci"]
    assert 0 < low <= high
    assert high - low < 0.01
    alone = bootstrap.interval(lambda w: np.average(a == truth, weights=w), groups)
    assert alone is not None
    assert alone[1] - alone[0] > 0.2


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="1 and 2 seeds"):
        paired(TRUTH, [RIGHT], [HALF, HALF], GROUPS, [0])
    with pytest.raises(ValueError, match="4 clips"):
        paired(TRUTH, [RIGHT[:3]], [HALF], GROUPS, [0])


def some(seed: int, n: int = 120) -> SeedScores:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    p = rng.dirichlet(np.ones(3), n) + 0.7 * np.eye(3)[truth]
    return SeedScores(truth, p / p.sum(axis=1, keepdims=True), tuple(f"tape {i % 9}" for i in range(n)))


def test_one_seed_has_the_intervals_of_evaluate():
    names, scores = ["a", "b", "c"], some(0)
    whole = classify.evaluate(scores.truth, scores.probabilities, names, scores.groups, {"a", "b"})
    found = intervals([scores], names, {"a", "b"})
    assert found == {name: whole[f"{name}_ci"] for name in classify.METRICS}


def test_intervals_over_seeds_average_within_each_draw(monkeypatch):
    """Every group drawn once: each seed's own value; so the interval is their mean."""
    names, seeds = ["a", "b", "c"], [some(0), some(1, 90)]
    every_draw(monkeypatch, [1] * 9, [1] * 9)
    found = intervals(seeds, names, set(names))
    values = [
        classify.evaluate(s.truth, s.probabilities, names, s.groups, set(names), n_boot=2) for s in seeds
    ]
    for name in classify.METRICS:
        assert found[name] == pytest.approx([np.mean([v[name] for v in values])] * 2), name


def test_seeds_that_tested_other_tapes_are_pooled_over_all_of_them():
    first, second = some(0), some(1)
    second = SeedScores(second.truth, second.probabilities, tuple(f"other {g}" for g in second.groups))
    found = intervals([first, second], ["a", "b", "c"], {"a"})
    assert all(found[name] is not None for name in classify.METRICS)
    one = SeedScores(first.truth, first.probabilities, ("a",) * len(first.truth))
    assert set(intervals([one], ["a", "b", "c"], {"a"}).values()) == {None}
