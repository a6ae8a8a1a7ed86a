"""A margin for recordings that were not heard: by hand, and where a burst of false alarms is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finback.metrics.threshold import ClassCounts, Target
from finback.metrics.threshold_margin import MARGINS, choose_together

PRECISE = Target("precision", 0.9)
N = 6  # recordings


def of_scores(calls: dict[int, list[float]], false: dict[int, list[float]], missed: int = 0) -> ClassCounts:
    """Counts of a class: scores of found calls and of false alarms, by recording."""
    true = [(score, g) for g, scores in calls.items() for score in scores] + [(-np.inf, 0)] * missed
    wrong = [(score, g) for g, scores in false.items() for score in scores]
    found = [(score, g) for score, g in true if np.isfinite(score)] + wrong
    scores, groups = (np.array([pair[i] for pair in found], [float, int][i]) for i in (0, 1))
    true_scores, true_groups = (np.array([pair[i] for pair in true], [float, int][i]) for i in (0, 1))
    return ClassCounts(scores, groups, true_scores, true_groups, N)


def even(low: float = 0.5, high: float = 0.99) -> dict[int, list[float]]:
    return {g: np.linspace(low, high, 8).tolist() for g in range(N)}


def test_where_recordings_are_alike_there_is_no_margin() -> None:
    fit = choose_together({"a": of_scores(even(), {})}, PRECISE)
    assert fit.choices["a"].threshold == 0.5
    assert fit.held_out is not None
    assert (fit.held_out.margin, fit.held_out.n_found, fit.held_out.n_false) == (0.0, 48, 0)
    assert fit.held_out.precision_interval == (1.0, 1.0)


def test_a_burst_in_one_recording_raises_the_thresholds_of_all_classes() -> None:
    burst = of_scores(even(), {3: [0.6] * 60})
    calm = of_scores(even(), {})
    fit = choose_together({"burst": burst, "calm": calm}, PRECISE)
    assert fit.held_out is not None
    # Without recording 3, the threshold of "burst" is 0.5; 0.6 is 0.41 logits higher, so the margin is 0.5.
    assert fit.held_out.margin == 0.5
    assert fit.held_out.n_false == 0
    assert fit.choices["calm"].threshold == pytest.approx(1 / (1 + np.exp(-0.5)))
    before = choose_together({"calm": calm}, PRECISE).choices["calm"]
    assert fit.choices["calm"].n_found < before.n_found
    assert fit.choices["calm"].best == 1.0


def test_a_class_that_no_margin_helps_has_no_threshold_and_the_others_have() -> None:
    hopeless = of_scores(even(), {3: [0.999] * 200})
    fit = choose_together({"hopeless": hopeless, "calm": of_scores(even(), {})}, PRECISE)
    assert fit.choices["hopeless"].threshold is None
    assert fit.choices["calm"].threshold == 0.5
    alone = choose_together({"x": of_scores(even(), {g: [0.999] * 3 for g in range(N)})}, PRECISE)
    assert (alone.choices["x"].threshold, alone.choices["x"].why) == (None, "not reached")
    assert fit.choices["hopeless"].why == "not reached"
    # All is well at 0.9995. Without recording 3 the threshold is 0.5, and the largest margin gives 0.98.
    calls = {g: [0.9995] * 3 + np.linspace(0.5, 0.9, 5).tolist() for g in range(N)}
    tried = choose_together({"x": of_scores(calls, {3: [0.999] * 200})}, PRECISE).choices["x"]
    assert (tried.threshold, tried.why) == (None, "not on other recordings")


def test_few_detections_in_left_out_recordings_show_nothing() -> None:
    few = of_scores({g: [0.9, 0.95] for g in range(N)}, {})  # 12; 16 are the least
    fit = choose_together({"a": few}, PRECISE)
    assert (fit.choices["a"].threshold, fit.choices["a"].why) == (None, "too few calls")
    both = choose_together({"a": few, "b": few}, PRECISE)
    assert both.choices["a"].threshold == both.choices["b"].threshold == 0.9


def test_of_one_recording_nothing_can_be_left_out() -> None:
    one = ClassCounts(
        np.linspace(0.5, 1, 20), np.zeros(20, int), np.linspace(0.5, 1, 20), np.zeros(20, int), 1
    )
    fit = choose_together({"a": one}, PRECISE)
    assert fit.held_out is None
    assert fit.choices["a"].threshold == 0.5
    assert choose_together({}, PRECISE).choices == {}


def test_a_recall_lowers_thresholds() -> None:
    calls = {g: np.linspace(0.7, 0.99, 8).tolist() for g in range(N - 1)} | {5: [0.4] * 20}
    fit = choose_together({"a": of_scores(calls, {})}, Target("recall", 0.8))
    assert fit.held_out is not None
    assert fit.held_out.margin in MARGINS[1:]
    assert (fit.held_out.recall or 0) >= 0.8
    threshold = fit.choices["a"].threshold
    assert threshold is not None
    assert threshold < 0.4


def test_careful_asks_for_more() -> None:
    counts = of_scores(
        {g: np.linspace(0.5, 0.99, 4).tolist() for g in range(N)}, {}
    )  # 24 calls; 29 are needed
    assert choose_together({"a": counts}, PRECISE).choices["a"].threshold == 0.5
    assert choose_together({"a": counts}, PRECISE, careful=True).choices["a"].why == "too few calls"
    assert choose_together({"a": of_scores(even(), {})}, PRECISE, careful=True).choices["a"].threshold == 0.5


def test_calls_of_one_tape_are_nearly_one_call() -> None:
    counts = of_scores(even(), {})
    tapes = np.zeros(len(counts.true_score), int)
    fit = choose_together({"a": replace(counts, true_source=tapes)}, PRECISE)
    assert (fit.choices["a"].threshold, fit.choices["a"].why) == (None, "one group")
    tapes[::2] = 1
    assert choose_together({"a": replace(counts, true_source=tapes)}, PRECISE).choices["a"].threshold == 0.5
    alone = of_scores({2: np.linspace(0.5, 0.99, 30).tolist()}, {})
    assert choose_together({"a": alone}, PRECISE).choices["a"].why == "one group"
