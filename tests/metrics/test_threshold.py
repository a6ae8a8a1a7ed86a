"""Thresholds against numbers worked out by hand, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.core.errors import SettingsError
from finback.metrics.threshold import CAREFUL, ClassCounts, Target, best_f1, calls_needed, choose, lower_limit

# Falling scores of ten detections; calls are found by those marked x.  x x o x x o o x o o
SCORES = np.array([0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
HITS = np.array([1, 1, 0, 1, 1, 0, 0, 1, 0, 0], bool)


def counts(scores: np.ndarray, hits: np.ndarray, missed: int = 0, n_groups: int = 1) -> ClassCounts:
    groups = np.arange(len(scores)) % n_groups
    true = np.concatenate([scores[hits], np.full(missed, -np.inf)])
    return ClassCounts(scores, groups, true, np.arange(len(true)) % n_groups, n_groups)


def test_the_lowest_threshold_with_the_precision() -> None:
    assert choose(counts(SCORES, HITS, missed=1), Target("precision", 0.8)).why == "too few calls"
    found = choose(counts(SCORES, HITS, missed=1), Target("precision", 0.8), confidence=0.2)
    assert (found.threshold, found.n_found, found.n_false, found.n_calls) == (0.7, 4, 1, 6)
    assert found.precision == pytest.approx(0.8)
    assert found.recall == pytest.approx(4 / 6)
    assert found.is_few
    assert found.precision_interval is None  # one group


def test_the_highest_threshold_with_the_recall() -> None:
    found = choose(counts(SCORES, HITS, missed=1), Target("recall", 0.6), confidence=0.4)
    assert found.threshold == 0.7
    assert choose(counts(SCORES, HITS, missed=1), Target("recall", 0.6)).threshold == 0.4
    assert choose(counts(SCORES, HITS, missed=1), Target("recall", 0.9)).threshold is None
    assert choose(counts(SCORES, HITS, missed=1), Target("recall", 0.9)).best == pytest.approx(5 / 6)


def test_a_target_that_is_not_reached_and_no_call_and_nothing_found() -> None:
    none = np.zeros(10, bool)
    found = choose(counts(SCORES, none, missed=3), Target("precision", 0.5))
    assert (found.threshold, found.best, found.n_calls) == (None, 0.0, 3)
    assert choose(counts(SCORES, none), Target("precision", 0.5)).n_calls == 0
    assert choose(counts(SCORES[:0], none[:0], missed=2), Target("recall", 0.5)).threshold is None


def test_a_least_threshold_for_a_precision() -> None:
    sure = np.ones(10, bool)
    assert choose(counts(SCORES, sure), Target("precision", 0.9)).threshold == 0.2
    assert choose(counts(SCORES, sure), Target("precision", 0.9), least=0.5).threshold == 0.5
    assert choose(counts(SCORES, sure), Target("recall", 0.9), least=0.5).threshold == 0.2
    assert choose(counts(SCORES, sure), Target("precision", 0.9), least=0.99).threshold is None


def test_one_right_detection_of_one_shows_nothing() -> None:
    target = Target("precision", 0.9)
    for n in (1, 6):  # 0.5 ** (1 / 7) = 0.906 is the first limit above 0.9
        few = choose(counts(np.linspace(0.5, 1, n), np.ones(n, bool)), target)
        assert (few.threshold, few.best, few.why) == (None, 1.0, "too few calls")
    assert choose(counts(np.linspace(0.5, 1, 7), np.ones(7, bool)), target).threshold == 0.5
    assert calls_needed(target, 0.5) == 7
    assert calls_needed(target, CAREFUL) == 29
    # At the top one of one is right; further down the precision is 0.8.
    hits = np.array([True] + [True, True, False, True, True] * 4)
    assert choose(counts(np.linspace(0.9, 0.5, 21), hits), target).threshold is None


def test_more_confidence_asks_for_more_calls() -> None:
    few, many = np.linspace(0.5, 1, 28), np.linspace(0.5, 1, 29)
    target = Target("precision", 0.9)
    assert choose(counts(few, np.ones(28, bool), n_groups=4), target, CAREFUL).threshold is None
    assert choose(counts(many, np.ones(29, bool), n_groups=4), target, CAREFUL).threshold == 0.5
    # Clopper and Pearson for 9 of 10, one-sided 95 %: R's binom.test(9, 10, alternative = "greater")
    assert lower_limit(np.array([9.0]), np.array([10.0]), 0.95)[0] == pytest.approx(0.6058, abs=0.0001)


def test_a_target_of_one_can_be_reached() -> None:
    many = np.linspace(0.5, 1, 14)
    assert choose(counts(many, np.ones(14, bool)), Target("recall", 1.0)).threshold == 0.5
    assert choose(counts(many, np.ones(14, bool), missed=1), Target("recall", 1.0)).threshold is None


def test_best_f1() -> None:
    # At 0.7: 4 hits, 5 detections, 6 calls: 8 / 11. At 0.4: 5 hits, 8 detections: 10 / 14.
    assert best_f1(counts(SCORES, HITS, missed=1)) == pytest.approx(8 / 11)
    assert best_f1(counts(SCORES[:0], HITS[:0])) == 0


lists = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9, 0.95]), st.booleans()), max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the test
@given(
    lists, st.integers(0, 5), st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from(["precision", "recall"])
)
def test_a_higher_target_is_never_easier(
    events: list[tuple[float, bool]], missed: int, one: float, other: float, what: str
) -> None:
    scores, hits = np.array([s for s, _ in events]), np.array([h for _, h in events], bool)
    low, high = sorted((one, other))
    own = counts(scores, hits, missed, n_groups=3)
    easy, hard = (choose(own, Target(what, value)) for value in (low, high))  # type: ignore[arg-type]
    if hard.threshold is not None:
        assert easy.threshold is not None
        if what == "precision":
            assert easy.threshold <= hard.threshold
        else:
            assert easy.threshold >= hard.threshold
        figure = hard.precision if what == "precision" else hard.recall
        assert figure is not None
        assert figure >= high - 1e-6


@pytest.mark.parametrize(
    "text", ["precision", "precision=0", "precision=1.1", "f1=0.5", "recall=-1", "recall=x"]
)
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="--target"):
        Target.parse(text)


def test_targets() -> None:
    assert str(Target.parse(" precision = 0.90 ")) == "precision=0.9"
    assert Target.parse("recall=1") == Target("recall", 1.0)
