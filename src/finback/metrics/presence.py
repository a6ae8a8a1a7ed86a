"""Presence in hours and days, and the calibration of event scores, from plain arrays.

A cell (an hour or a day of a place) holds calls or not, and is called present or not. Precision and recall of
these decisions do not depend on how calls are cut into events, so they can be compared between detectors.

Scores of events are calibrated if, of the events with score 0.8, 80 % are right. The table has bins with
equal numbers of events, at least `FEWEST` each, because equal widths leave bins with one or two events, whose
shares of 0 % and 100 % mean nothing. With fewer than `FEWEST` events there is no table and no calibration
error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.metrics.detection_curve import ratio
from finback.metrics.events import Floats, Ints

FEWEST = 20  # events in a bin; the standard error of a share of one half is then 0.11
MOST_BINS = 10
Bools = NDArray[np.bool_]


def presence_rates(true: Bools, found: Bools, counted: Bools, weights: Floats) -> dict[str, Floats]:
    """Precision, recall and accuracy (B,) of N cells with weights (B, N); NaN where undefined.

    `counted` cells are annotated in full: a found cell elsewhere is in no precision. Recall is of all cells.
    """
    hits = weights @ (true & found)
    hits_counted = weights @ (true & found & counted)
    false = weights @ (~true & found & counted)
    right = hits_counted + weights @ (~true & ~found & counted)
    return {
        "precision": ratio(hits_counted, hits_counted + false),
        "recall": ratio(hits, weights @ true),
        "accuracy": ratio(right, weights @ counted),
    }


def score_bins(scores: Floats) -> Ints:
    """The bin (N,) of each score, bins from 0 with nearly equal numbers; equal scores are in one bin.

    Fewer than `FEWEST` scores: no bins, all -1.
    """
    n_bins = min(MOST_BINS, len(scores) // FEWEST)
    if n_bins == 0:
        return np.full(len(scores), -1)
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts  # scores that are lower
    bins = np.minimum((before + counts / 2) * n_bins // len(scores), n_bins - 1).astype(np.int64)
    _, dense = np.unique(bins, return_inverse=True)
    del values
    return dense.reshape(-1)[inverse.reshape(-1)]


def reliability(scores: Floats, hits: Bools, bins: Ints, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Sum of weights, mean score and share of hits (B, K) of each bin; NaN for a bin without weight."""
    n_bins = int(bins.max(initial=-1)) + 1
    member = (bins[:, None] == np.arange(n_bins)).astype(np.float64)  # (N, K)
    total = weights @ member
    return total, ratio((weights * scores) @ member, total), ratio((weights * hits) @ member, total)


def calibration_error(total: Floats, score: Floats, share: Floats) -> Floats:
    """Expected calibration error (B,): |mean score - share of hits|, weighted by events; NaN without bins."""
    gap = np.nan_to_num(np.abs(score - share)) * total
    return ratio(gap.sum(axis=1), total.sum(axis=1))
