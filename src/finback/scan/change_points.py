"""Sound event bounding boxes: the extent of an event from the change points of its score.

Idea: Ebbers, Germain, Wichern & Le Roux 2024, "Sound Event Bounding Boxes", arXiv 2406.04212. An event begins
where the score rises most and ends where it falls most, wherever a threshold may lie. So its extent does not
depend on the threshold, and its one confidence decides whether the whole event is kept.

1. The step filter: at each edge, the mean score of half a filter after it, minus that before it. Outside of
   the stretch the score is 0.
2. Between two zeros of the filter, the largest rise is an onset and the largest fall an offset. The inner
   edge wins a tie, so that the event is short.
3. Neighbours are one event where the score between them falls by less than `merge` below the higher of their
   peaks, or stays above `merge_share` of it. So a weak echo does not lengthen a clear call. Gaps are taken
   from the highest score down, so the result is the same from left to right and from right to left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.scan.event_settings import FinderSettings

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SMALL = 1e-6  # scores have 32 bits: a smaller change is rounding


def event_extents(edges: Ints, scores: Floats, half: float, finder: FinderSettings) -> tuple[Ints, Ints]:
    """First (N,) and last (N,) edge, as indices into `edges`, of the events in A pieces with scores (A,).

    `half` is half of the filter's length in samples.
    """
    rise = step_filter(edges, scores, half)
    first, last = _boxes(rise)
    return _merged(scores, first, last, finder) if len(first) > 1 else (first, last)


def step_filter(edges: Ints, scores: Floats, half: float) -> Floats:
    """(A + 1,) mean score of `half` samples after each edge, minus that of `half` samples before it."""
    area = np.concatenate([[0.0], np.cumsum(scores * np.diff(edges))])
    at = edges.astype(np.float64)
    after = np.interp(at + half, at, area) - area
    before = area - np.interp(at - half, at, area)
    return (after - before) / half


def _boxes(rise: Floats) -> tuple[Ints, Ints]:
    """Onsets and offsets, as indices of edges: the extremes of the runs of one sign, in pairs."""
    sign = np.where(rise > SMALL, 1, np.where(rise < -SMALL, -1, 0))
    moving = np.flatnonzero(sign)
    if not len(moving):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    signs = sign[moving]
    cuts = np.flatnonzero(np.diff(signs)) + 1
    bounds = np.concatenate([[0], cuts, [len(moving)]])
    height = np.abs(rise[moving])
    top = np.maximum.reduceat(height, bounds[:-1])
    is_top = height >= np.repeat(top, np.diff(bounds)) - SMALL
    where = np.flatnonzero(is_top)
    firsts = moving[where[np.searchsorted(where, bounds[:-1])]]
    lasts = moving[where[np.searchsorted(where, bounds[1:]) - 1]]
    rising = signs[bounds[:-1]] > 0
    onsets, offsets = lasts[rising], firsts[~rising]
    # Outside of the stretch the score is 0, so the first run rises and the last one falls.
    return onsets[: len(offsets)], offsets[: len(onsets)]


def _merged(scores: Floats, first: Ints, last: Ints, finder: FinderSettings) -> tuple[Ints, Ints]:
    """The events after merging neighbours; N events have N - 1 gaps."""
    ends = np.stack([first, last], 1).reshape(-1)
    peak = np.maximum.reduceat(np.append(scores, 0.0), ends)[::2].tolist()
    inner = np.stack([last[:-1], first[1:]], 1).reshape(-1)
    valley = np.minimum.reduceat(scores, inner)[::2]  # lowest score in each gap
    left = list(range(len(first)))  # the first event of the group that an event at a group's end is in
    right = list(range(len(first)))  # and the last one
    joined = np.zeros(len(valley), bool)
    for gap in np.argsort(-valley, kind="stable").tolist():
        a, b = left[gap], right[gap + 1]  # the outer events of the two groups; both hold their group's peak
        higher, low = max(peak[a], peak[b]), float(valley[gap])
        if higher - low < finder.merge - SMALL or low > finder.merge_share * higher + SMALL:
            joined[gap] = True
            peak[a] = peak[b] = higher
            right[a], left[b] = b, a
    starts = np.concatenate([[True], ~joined])
    stops = np.concatenate([~joined, [True]])
    return first[starts], last[stops]
