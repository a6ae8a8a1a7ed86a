"""Precision, recall and false alarms of found events at every threshold, and average precision.

A found event at or above the threshold is a detection. Recall is the share of true events that are found.
Precision is the share of detections that are matched. Nothing is sampled: every distinct score is a
threshold, and events with equal scores enter together.

Average precision is the sum over thresholds, from the highest down, of precision times the gain in recall. It
is not interpolated (Manning, Raghavan & Schuetze 2008, "Introduction to Information Retrieval", section 8.4).
Events that are missed at every threshold add nothing to it, so a detector that never reaches a recall of 1
pays for it.

Recordings are often annotated in part. A found event outside the annotated part (`counted` False) is neither
right nor wrong, so it is in no precision. A true event there is in the recall, but not in average precision,
where both sides come from the annotated part.

Each number can be computed for draws of recordings (rows of multiplicities, as `bootstrap.draw_groups` makes
them). What is undefined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finback.metrics.events import EventArrays, Floats, Ints, Matching

NUMBERS_AT_ONCE = 4_000_000  # draws x events in memory together


@dataclass(frozen=True, eq=False)
class DetectionCounts:
    """Counts at D thresholds, from the highest down, for B draws of recordings."""

    threshold: Floats  # (D,)
    n_true: Floats  # (B, 1) true events
    found: Floats  # (B, D) of these, found
    n_counted: Floats  # (B, 1) true events in the annotated part
    hits: Floats  # (B, D) matched detections in the annotated part
    false_alarms: Floats  # (B, D) detections in the annotated part without a match

    @cached_property
    def recall(self) -> Floats:
        return ratio(self.found, self.n_true)

    @cached_property
    def precision(self) -> Floats:
        return ratio(self.hits, self.hits + self.false_alarms)

    @cached_property
    def f1(self) -> Floats:
        """2PR / (P + R). 0 where true events are there and none is found; NaN where none is there."""
        nothing = (self.found == 0) & (self.n_true > 0)
        return np.where(nothing, 0.0, ratio(2 * self.precision * self.recall, self.precision + self.recall))

    @cached_property
    def average_precision(self) -> Floats:
        """(B,), in the annotated part; NaN where that holds no true event."""
        gain = np.diff(self.hits, axis=1, prepend=0.0)
        area = (np.nan_to_num(self.precision) * gain).sum(axis=1)
        return ratio(area, self.n_counted[:, 0])

    def false_alarms_at_recall(self, recall: float) -> tuple[Floats, Floats]:
        """False alarms (B,) at the highest threshold where `recall` is reached, and this threshold (B,).

        NaN where no threshold reaches it, or where there is no true event.
        """
        reached: NDArray[np.bool_] = (self.found >= recall * self.n_true - 1e-9) & (self.n_true > 0)
        some = np.any(reached, axis=1).reshape(-1)
        if not self.threshold.size:
            return np.full(len(some), np.nan), np.full(len(some), np.nan)
        first = reached.argmax(axis=1)
        false_alarms = self.false_alarms[np.arange(len(some)), first]
        return np.where(some, false_alarms, np.nan), np.where(some, self.threshold[first], np.nan)


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole; NaN where the whole is 0 or NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """What the curve needs of a matching: T true events and F found events, and the recordings they are in.

    `recording` codes are 0 to G-1, the columns of a draw.
    """

    true_score: Floats  # (T,) highest threshold at which a true event is found, -inf: never
    true_recording: Ints  # (T,)
    true_counted: NDArray[np.bool_]  # (T,) in the annotated part
    score: Floats  # (F,)
    hit: NDArray[np.bool_]  # (F,)
    recording: Ints  # (F,)
    counted: NDArray[np.bool_]  # (F,) in the annotated part
    n_recordings: int

    def counts(self, draws: NDArray[np.int64] | None = None) -> DetectionCounts:
        """Counts at every distinct score; of all recordings once, or of draws (B, G) of recordings."""
        weights = np.ones((1, self.n_recordings)) if draws is None else draws.astype(np.float64)
        thresholds = np.unique(self.score)[::-1]
        true_weights = weights[:, self.true_recording]  # (B, T)
        weights_found = weights[:, self.recording]  # (B, F)
        counted = weights_found * self.counted
        found = _at_each(thresholds, self.true_score, true_weights)
        hits = _at_each(thresholds, self.score, counted * self.hit)
        false_alarms = _at_each(thresholds, self.score, counted * ~self.hit)
        n_true = true_weights.sum(axis=1, keepdims=True)
        n_counted = (true_weights * self.true_counted).sum(axis=1, keepdims=True)
        return DetectionCounts(thresholds, n_true, found, n_counted, hits, false_alarms)

    def at(self, threshold: float, draws: NDArray[np.int64] | None = None) -> DetectionCounts:
        """Counts at one threshold; the arrays have one column (D = 1)."""
        weights = np.ones((1, self.n_recordings)) if draws is None else draws.astype(np.float64)
        # Also a threshold of -inf finds nothing that no event matches.
        is_found = (self.true_score >= threshold) & (self.true_score > -np.inf)
        detected = self.score >= threshold

        def total(recording: Ints, which: NDArray[np.bool_]) -> Floats:
            each = np.bincount(recording[which], minlength=self.n_recordings).astype(np.float64)
            return (weights @ each)[:, None]

        return DetectionCounts(
            np.array([threshold]),
            total(self.true_recording, np.ones(len(is_found), dtype=bool)),
            total(self.true_recording, is_found),
            total(self.true_recording, self.true_counted),
            total(self.recording, detected & self.hit & self.counted),
            total(self.recording, detected & ~self.hit & self.counted),
        )


def over_draws(
    detections: Detections, statistics: Callable[[DetectionCounts], Floats], draws: NDArray[np.int64]
) -> Floats:
    """Statistics (K, B) of the counts at every threshold, for draws (B, G); memory is bounded."""
    events = len(detections.true_score) + len(detections.score)
    rows = max(1, NUMBERS_AT_ONCE // max(1, events))
    parts = [statistics(detections.counts(draws[i : i + rows])) for i in range(0, len(draws), rows)]
    return np.concatenate(parts, axis=1)


def _at_each(thresholds: Floats, score: Floats, weights: Floats) -> Floats:
    """Sums (B, D) of weights (B, N) of all events whose score is at or above each threshold."""
    order = np.argsort(-score, kind="stable")
    last = np.searchsorted(-score[order], -thresholds, "right")  # (D,) events at or above
    sums = np.cumsum(weights[:, order], axis=1)
    return np.concatenate([np.zeros((len(weights), 1)), sums], axis=1)[:, last]


def detections(
    matching: Matching,
    found: EventArrays,
    recordings: tuple[Ints, Ints, int],
    counted: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
) -> Detections:
    """The curve's input from a matching.

    `recordings`: codes of true events (T,), of found events (F,), and their number. `counted`: which true
    events and which found events are in the annotated part; None: all. A matched found event
    is where its true event is.
    """
    of_true, of_found, n = recordings
    n_true, n_found = len(matching.true_score), len(found)
    in_true, in_found = counted or (np.ones(n_true, dtype=bool), np.ones(n_found, dtype=bool))
    score = np.ones(n_found) if found.score is None else found.score
    hit = matching.partner_of_found >= 0
    in_found = in_found.copy()
    in_found[hit] = in_true[matching.partner_of_found[hit]]
    return Detections(matching.true_score, of_true, in_true, score, hit, of_found, in_found, n)
