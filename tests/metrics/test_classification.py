"""Every figure against a hand-worked case or scikit-learn; the rules for species that are missing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from finback.core.errors import InputError
from finback.metrics import calibration as calibrate
from finback.metrics import classification as classify

NAMES = ["blue", "fin", "minke"]


def one_hot(predicted: list[int], n_classes: int) -> np.ndarray:
    """Probabilities that name `predicted` at 0.8."""
    p = np.full((len(predicted), n_classes), 0.2 / (n_classes - 1))
    p[np.arange(len(predicted)), predicted] = 0.8
    return p


def simulated(n: int = 300, k: int = 6, n_groups: int = 40, seed: int = 0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), truth] += 1.5
    groups = [f"tape{g}" for g in rng.integers(0, n_groups, n)]
    return truth, calibrate.apply(logits, 1.0), [f"species {i}" for i in range(k)], groups


def by_hand(**kwargs):
    """Truth b b b f f; predicted b b f f b; no minke clip. Two tapes."""
    truth = np.array([0, 0, 0, 1, 1])
    return classify.evaluate(
        truth, one_hot([0, 0, 1, 1, 0], 3), NAMES, ["t1", "t1", "t2", "t2", "t2"], {"blue", "fin"}, **kwargs
    )


def test_hand_worked_values():
    result = by_hand()
    assert result["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)  # minke counts 0
    assert result["macro_f1_multi_group"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result["ece"] == pytest.approx(0.8 - 0.6)
    assert result["top3_accuracy"] == 1
    assert (result["n_clips"], result["n_groups"], result["labels"]) == (5, 2, NAMES)
    blue, minke = result["per_species"]["blue"], result["per_species"]["minke"]
    assert blue["precision"] == blue["recall"] == blue["f1"] == pytest.approx(2 / 3)
    # Positives at 0.8 0.8 0.1, negatives at 0.1 0.8: wins 1+1+0, ties 0.5+0.5+0.5 of 6 pairs.
    assert blue["auc"] == pytest.approx(3.5 / 6)
    assert (blue["n_clips"], blue["n_groups"], blue["noisy"]) == (3, 2, True)
    assert minke == {
        "precision": None, "recall": None, "f1": 0, "auc": None, "n_clips": 0, "n_groups": 0, "noisy": True,
    }  # fmt: skip


def test_pinning_the_label_set_changes_macro_f1_only():
    free, pinned = by_hand(), by_hand(pinned=["blue", "fin"])
    assert pinned["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert pinned["accuracy"] == free["accuracy"]


def test_point_values_are_scikit_learns():
    truth, p, names, groups = simulated()
    result = classify.evaluate(truth, p, names, groups, {"species 0", "species 3"}, n_boot=20)
    predicted = p.argmax(axis=1)
    assert result["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))
    assert result["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    assert result["macro_f1"] == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    assert result["macro_auc"] == pytest.approx(
        sk.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    )
    assert result["average_precision"] == pytest.approx(sk.average_precision_score(np.eye(6)[truth], p))
    assert result["top3_accuracy"] == pytest.approx(sk.top_k_accuracy_score(truth, p, k=3))
    f1 = sk.f1_score(truth, predicted, average=None)
    assert result["macro_f1_multi_group"] == pytest.approx((f1[0] + f1[3]) / 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 8))
def test_weighted_ranking_is_scikit_learns(seed, n, levels):
    """Few score levels make many ties; zero weights stand for groups not drawn."""
    rng = np.random.default_rng(seed)
    positive, scores = rng.random(n) < 0.4, rng.integers(0, levels, n) / levels
    weights = rng.integers(0, 3, (5, n)).astype(float)
    auc, precision = classify.ranking(positive, scores, weights)
    for b, w in enumerate(weights):
        if not w[positive].any():
            assert np.isnan(auc[b])
            assert np.isnan(precision[b])
            continue
        assert precision[b] == pytest.approx(sk.average_precision_score(positive, scores, sample_weight=w))
        if w[~positive].any():
            assert auc[b] == pytest.approx(sk.roc_auc_score(positive, scores, sample_weight=w))
        else:
            assert np.isnan(auc[b])


def test_drawing_every_group_once_gives_the_point_values(monkeypatch):
    """The bootstrap's vectorised statistics and scikit-learn's agree on the sample itself."""
    truth, p, names, groups = simulated()
    monkeypatch.setattr(classify.bootstrap, "draw_groups", lambda n, n_boot, seed: np.ones((n_boot, n), int))
    result = classify.evaluate(truth, p, names, groups, {"species 1"}, n_boot=3)
    for name in classify.METRICS:
        assert result[f"{name}_ci"] == pytest.approx([result[name]] * 2), name


def test_chunks_of_draws_change_nothing(monkeypatch):
    truth, p, names, groups = simulated()
    whole = classify.evaluate(truth, p, names, groups, set(), n_boot=50)
    monkeypatch.setattr(classify, "CHUNK", 7 * len(truth))
    assert classify.evaluate(truth, p, names, groups, set(), n_boot=50) == whole


def test_intervals_hold_their_value_and_repeat():
    truth, p, names, groups = simulated()
    a = classify.evaluate(truth, p, names, groups, set(names), n_boot=300)
    for name in set(classify.METRICS) - {"ece"}:  # ECE is biased upward under resampling
        low, high = a[f"{name}_ci"]
        assert low < a[name] < high
    assert a == classify.evaluate(truth, p, names, groups, set(names), n_boot=300)
    other = classify.evaluate(truth, p, names, groups, set(names), n_boot=300, seed=1)
    assert other["accuracy_ci"] != a["accuracy_ci"]


def test_one_clip_a_group_gives_narrower_intervals_than_few_tapes():
    truth, p, names, _ = simulated()
    order = np.argsort(p.argmax(axis=1) == truth, kind="stable")  # tapes that are all right or all wrong
    truth, p = truth[order], p[order]
    tapes = classify.evaluate(truth, p, names, [str(i // 30) for i in range(300)], set(), n_boot=200)
    alone = classify.evaluate(truth, p, names, [str(i) for i in range(300)], set(), n_boot=200)
    assert np.diff(tapes["accuracy_ci"]) > 3 * np.diff(alone["accuracy_ci"])


def test_a_species_missing_from_draws_does_not_drag_the_interval_down():
    """A perfect model, one species on a single tape: every draw's macro-F1 is 1 over those drawn."""
    truth = np.array([0] * 6 + [1])
    result = classify.evaluate(truth, one_hot(truth.tolist(), 2), ["a", "b"], list("uvwxyzq"), {"a", "b"})
    assert result["macro_f1_ci"] == result["balanced_accuracy_ci"] == [1, 1]
    half = classify.evaluate(truth[:6], one_hot([0] * 6, 2), ["a", "b"], list("uvwxyz"), {"a", "b"})
    assert half["macro_f1"] == 0.5  # b was never tested: it counts 0, in the value and in every draw
    assert half["macro_f1_ci"] == half["macro_f1_multi_group_ci"] == [0.5, 0.5]


def test_undefined_is_none_and_the_object_is_json():
    one = classify.evaluate(np.zeros(4, int), one_hot([0, 0, 0, 1], 2), ["a", "b"], ["t"] * 4, set())
    assert one["macro_auc"] is None
    assert one["macro_f1_multi_group"] is None
    assert all(one[f"{name}_ci"] is None for name in classify.METRICS)  # one group
    json.dumps([one, by_hand()], allow_nan=False)


def test_noisy_needs_ten_clips_and_three_tapes():
    truth = np.array([0] * 10 + [1] * 10 + [2] * 9)
    groups = list("abcabcabca") + list("ababababab") + list("abcabcabc")
    table = classify.evaluate(truth, one_hot(truth.tolist(), 3), NAMES, groups, set(), n_boot=5)[
        "per_species"
    ]
    assert [table[name]["noisy"] for name in NAMES] == [False, True, True]


def test_top_three_of_fewer_species_is_all_of_them():
    assert classify.top_k_hits(np.array([1, 0]), one_hot([0, 0], 2)).all()
    assert not classify.top_k_hits(np.array([4]), one_hot([0], 5)).any()


def test_nothing_to_test_and_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="test set is empty"):
        classify.evaluate(np.zeros(0, int), np.zeros((0, 2)), ["a", "b"], [], set())
    with pytest.raises(ValueError, match="3 clips"):
        classify.evaluate(np.zeros(3, int), np.ones((3, 2)), ["a"], ["t"] * 3, set())
    with pytest.raises(ValueError, match="class ids"):
        classify.evaluate(np.array([2]), np.ones((1, 2)), ["a", "b"], ["t"], set())
    with pytest.raises(ValueError, match="unknown species"):
        classify.evaluate(np.array([1]), np.ones((1, 2)), ["a", "b"], ["t"], {"c"})
    with pytest.raises(InputError, match="not finite"):
        classify.evaluate(np.array([1]), np.full((1, 2), np.nan), ["a", "b"], ["t"], set())
