"""Counts and average precision by hand and by enumeration of thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.metrics import bootstrap
from finback.metrics.detection_curve import Detections, detections, over_draws
from finback.metrics.events import EventArrays, match_events, parse_rule


def curve_of(
    true_score: list[float],
    score: list[float],
    hit: list[bool],
    recordings: tuple[list[int], list[int]] | None = None,
) -> Detections:
    of_true, of_found = recordings or ([0] * len(true_score), [0] * len(score))
    everywhere = np.ones(len(true_score), dtype=bool), np.ones(len(score), dtype=bool)
    return Detections(
        np.array(true_score, dtype=float),
        np.array(of_true, dtype=int),
        everywhere[0],
        np.array(score, dtype=float),
        np.array(hit, dtype=bool),
        np.array(of_found, dtype=int),
        everywhere[1],
        max([0, *of_true, *of_found]) + 1,
    )


NEVER = -np.inf
FIVE = curve_of([0.9, 0.6, NEVER], [0.9, 0.8, 0.6, 0.3], [True, False, True, False])


def test_a_curve_by_hand() -> None:
    counts = FIVE.counts()
    assert counts.threshold.tolist() == [0.9, 0.8, 0.6, 0.3]
    assert counts.found.tolist() == [[1, 1, 2, 2]]
    assert counts.false_alarms.tolist() == [[0, 1, 1, 2]]
    assert counts.precision[0] == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert counts.recall[0] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert counts.f1[0] == pytest.approx([1 / 2, 2 / 5, 2 / 3, 4 / 7])
    assert counts.average_precision[0] == pytest.approx((1 + 2 / 3) / 3)


def test_false_alarms_at_recall_are_those_at_the_highest_threshold_that_reaches_it() -> None:
    counts = FIVE.counts()
    assert [x.tolist() for x in counts.false_alarms_at_recall(1 / 3)] == [[0], [0.9]]
    assert [x.tolist() for x in counts.false_alarms_at_recall(0.5)] == [[1], [0.6]]
    never, threshold = counts.false_alarms_at_recall(0.8)
    assert np.isnan(never).all()
    assert np.isnan(threshold).all()


def test_one_threshold_counts_as_the_curve_does() -> None:
    at = FIVE.at(0.6)
    assert (at.found, at.n_true, at.hits, at.false_alarms) == (2, 3, 2, 1)
    assert (FIVE.at(0.61).found, FIVE.at(0.61).false_alarms) == (1, 1)


def test_equal_scores_enter_together() -> None:
    counts = curve_of([0.5], [0.5, 0.5, 0.5], [False, True, False]).counts()
    assert counts.average_precision[0] == pytest.approx(1 / 3)


def test_nothing_true_and_nothing_found_are_undefined_not_0_or_1() -> None:
    no_truth = curve_of([], [0.5], [False]).at(0.5)
    assert no_truth.precision == 0
    assert np.isnan([no_truth.recall, no_truth.f1]).all()
    assert np.isnan(curve_of([], [0.5], [False]).counts().average_precision).all()
    nothing_found = curve_of([NEVER], [], [])
    assert np.isnan(nothing_found.at(0.5).precision).all()
    assert nothing_found.at(0.5).recall == nothing_found.at(0.5).f1 == 0
    assert nothing_found.counts().average_precision == 0  # there was something to find
    assert np.isnan(nothing_found.counts().false_alarms_at_recall(0.5)[0]).all()


def test_found_events_outside_the_annotated_part_are_in_no_precision() -> None:
    true = EventArrays(np.zeros(2, dtype=int), np.array([0.0, 50]), np.array([1.0, 51]))
    found = EventArrays(
        np.zeros(4, dtype=int),
        np.array([0.0, 5, 50, 60]),
        np.array([1.0, 6, 51, 61]),
        np.array([0.9, 0.8, 0.95, 0.99]),
    )
    matching = match_events(true, found, parse_rule("overlap"))
    recordings = (np.zeros(2, dtype=int), np.zeros(4, dtype=int), 1)
    annotated = true.start < 10, found.start < 10
    counts = detections(matching, found, recordings, annotated).at(0.5)
    assert (counts.recall, counts.precision) == (1, 0.5)  # of 2 true events; of 1 hit and 1 false alarm
    whole = detections(matching, found, recordings, annotated).counts()
    assert whole.average_precision == 1  # the true event of the annotated part comes before the false alarm


missed_of = st.lists(st.integers(0, 2), max_size=4)
found_rows = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 2)), max_size=12)


def from_rows(rows: list[tuple[int, bool, int]], missed: list[int]) -> Detections:
    hits = [(score, recording) for score, hit, recording in rows if hit]
    return curve_of(
        [float(score) for score, _ in hits] + [NEVER] * len(missed),
        [float(score) for score, _, _ in rows],
        [hit for _, hit, _ in rows],
        ([r for _, r in hits] + missed, [r for _, _, r in rows]),
    )


@given(found_rows, missed_of)
def test_average_precision_is_its_definition(rows: list[tuple[int, bool, int]], missed: list[int]) -> None:
    n_true = sum(hit for _, hit, _ in rows) + len(missed)
    area = recall = 0.0
    for threshold in range(5, 0, -1):
        detected = [hit for score, hit, _ in rows if score >= threshold]
        if detected and n_true:
            area += (sum(detected) / len(detected)) * (sum(detected) / n_true - recall)
            recall = sum(detected) / n_true
    value = from_rows(rows, missed).counts().average_precision[0]
    assert value == pytest.approx(area) if n_true else np.isnan(value)


@given(found_rows, missed_of, st.integers(1, 5))
def test_a_false_alarm_never_raises_precision(
    rows: list[tuple[int, bool, int]], missed: list[int], score: int
) -> None:
    before, after = from_rows(rows, missed), from_rows([*rows, (score, False, 0)], missed)
    for threshold in range(6):
        one, two = before.at(threshold), after.at(threshold)
        assert two.recall == one.recall or np.isnan(one.recall)
        assert not two.precision > one.precision
    assert not after.counts().average_precision > before.counts().average_precision + 1e-12


@given(found_rows, missed_of, st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_a_draw_counts_each_recording_as_often_as_it_was_drawn(
    rows: list[tuple[int, bool, int]], missed: list[int], times: list[int]
) -> None:
    drawn = from_rows(rows, missed)
    repeated = from_rows(
        [r for r in rows for _ in range(times[r[2]])], [m for m in missed for _ in range(times[m])]
    )
    draw = np.array([times[: drawn.n_recordings]])
    one, two = drawn.counts(draw), repeated.counts()
    np.testing.assert_allclose(one.average_precision, two.average_precision)
    for threshold in range(6):
        a, b = drawn.at(threshold, draw), repeated.at(threshold)
        for name in ("n_true", "found", "hits", "false_alarms", "f1"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name))


def test_draws_in_parts_are_the_draws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(i % 5 + 1, i % 3 == 0, i % 7) for i in range(40)]
    curve = from_rows(rows, [0, 1, 2])
    draws = bootstrap.draw_groups(7, 50, seed=1)
    whole = over_draws(curve, lambda c: c.average_precision[None], draws)
    monkeypatch.setattr("finback.metrics.detection_curve.NUMBERS_AT_ONCE", 200)
    np.testing.assert_array_equal(over_draws(curve, lambda c: c.average_precision[None], draws), whole)
    assert whole.shape == (1, 50)
