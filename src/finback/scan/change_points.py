"""Sound event bounding boxes: the extent of an event from the change points of its score.

Idea: Ebbers, Germain, Wichern & Le Roux 2024, "Sound Event Bounding Boxes", arXiv 2406.04212. An event begins
where the score rises most and ends where it falls most, wherever a threshold may lie. So its extent does not
depend on the threshold, and its one confidence decides whether the whole event is kept.

1. The step filter: at each edge, the mean score of half a filter after it, minus that before it. Outside of
   the stretch the score is 0.
2. Between two zeros of the filter, the largest rise is an onset and the largest fall an offset. The inner
   edge wins a tie, so that the event is short (`Pairs`).
3. Neighbours are one event where the score between them falls by less than `merge` below the higher of their
   peaks, or stays above `merge_share` of it (`Joining`). So a weak echo does not lengthen a clear call. Gaps
   are taken from the highest score down, so the result is the same from left to right and from right to left.

A stretch may last a year, so all of this goes on from part to part, with the same result. A gap whose two
neighbours have lower scores is decided at once: nothing that comes later is taken before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finback.scan.event_settings import FinderSettings
from finback.scan.score_knots import Between, Floats, Ints, Knots, Spans, joined_knots, spans_of

SMALL = 1e-6  # scores have 32 bits: a smaller change is rounding
NOTHING = float("-inf")
APART, JOINED, OPEN = 0, 1, 2  # what becomes of a gap


def step_filter(edges: Ints, area: Floats, half: float, at: Ints) -> Floats:
    """(N,) mean score of `half` samples after each sample `at` (N,), minus that of `half` before it.

    `area` (A + 1,) is the sum of the scores of all samples before each edge.
    """
    own = at.astype(np.float64)
    x = edges.astype(np.float64)
    here = np.interp(own, x, area)
    after = np.interp(own + half, x, area) - here
    before = here - np.interp(own - half, x, area)
    return (after - before) / half


@dataclass
class Pairs:
    """Onsets and offsets of one class in a stretch, in pairs: the extremes of the runs of one sign."""

    kept: Knots | None = None  # from the last offset on

    def add(self, before: Between, knots: Knots, is_last: bool) -> tuple[Spans, Spans]:
        """The N boxes that end before the last run, and the N gaps before them.

        `before` lies between the last knots and these. The gap before the first box has no use.
        """
        known = knots
        if self.kept is not None and len(self.kept.at):
            known = joined_knots(self.kept.extended(before), knots)
        self.kept = known
        onsets = offsets = np.zeros(0, np.int64)
        if len(known.at):
            onsets, offsets = _pairs(known, is_last)
        boxes = spans_of(known, onsets, offsets)
        gaps = spans_of(known, np.concatenate([[0], offsets])[: len(onsets)], onsets)
        if len(offsets):
            self.kept = known.part(int(offsets[-1]))
        return boxes, gaps

    def begins(self, otherwise: int) -> int:
        """The first sample that the next box may begin at."""
        return otherwise if self.kept is None or not len(self.kept.at) else int(self.kept.at[0])


def _pairs(knots: Knots, is_last: bool) -> tuple[Ints, Ints]:
    """The indices (N,) of onsets and (N,) of the offsets that follow them."""
    cuts = np.flatnonzero(np.diff(knots.sign)) + 1
    bounds = np.concatenate([[0], cuts, [len(knots.at)]])
    top = np.maximum.reduceat(knots.height, bounds[:-1])
    where = np.flatnonzero(knots.height >= np.repeat(top, np.diff(bounds)) - SMALL)
    firsts = where[np.searchsorted(where, bounds[:-1])]
    lasts = where[np.searchsorted(where, bounds[1:]) - 1]
    n = len(firsts) if is_last else len(firsts) - 1  # the last run may go on
    begin = int(knots.sign[0] < 0)  # that is the last offset, or nothing has begun before it
    n_pairs = max((n - begin) // 2, 0)
    both = slice(begin, begin + 2 * n_pairs)
    return lasts[both][::2], firsts[both][1::2]


class Joining:
    """Joins the boxes of one class in a stretch to events; without a finder each box is an event."""

    def __init__(self, finder: FinderSettings | None) -> None:
        self._finder = finder
        self._open: tuple[Spans, Spans] | None = None  # boxes, and the gaps before them

    def add(self, boxes: Spans, gaps: Spans, is_last: bool) -> Spans:
        """Take the next boxes and the gaps before them; the events that are known now."""
        if self._finder is None:
            return boxes
        if self._open is not None:
            boxes, gaps = self._open[0].and_also(boxes), self._open[1].and_also(gaps)
        if not len(boxes):
            return boxes
        state = np.array([APART, *_decided(boxes.peak.tolist(), gaps.low.tolist(), self._finder, is_last)])
        first = np.flatnonzero(state != JOINED)
        last = np.append(first[1:], len(boxes)) - 1
        joined = boxes.joined(gaps, first, last)
        apart = np.flatnonzero(state[first] == APART)
        n = len(joined) if is_last else int(apart[-1])  # behind the last gap that stays one
        self._open = joined.part(slice(n, None)), gaps.part(first[n:])
        return joined.part(slice(n))

    def begins(self, otherwise: int) -> int:
        """The first sample that the next event may begin at."""
        return int(self._open[0].start[0]) if self._open is not None and len(self._open[0]) else otherwise


APART, JOINED, OPEN = 0, 1, 2


def _decided(peak: list[float], low: list[float], finder: FinderSettings, is_last: bool) -> list[int]:
    """What becomes of the gaps between boxes: of the second box on, the gap before it.

    A gap is decided when both gaps beside it are lower; of equal ones the first is taken first. Where it
    stays a gap, nothing behind it changes what is before it, so all there is decided too.
    """
    merge, share = finder.merge - SMALL, finder.merge_share
    state = [OPEN] * (len(peak) - 1)
    waiting: list[int] = []  # gaps, whose lowest scores rise
    tops = [peak[0]]  # the peaks of the boxes beside them, as far as these are joined
    for gap in range(1, len(peak) + is_last):
        level = low[gap] if gap < len(peak) else NOTHING
        latest = NOTHING  # the peak behind a gap that stays one
        while waiting and low[waiting[-1]] >= level:
            own, after = waiting.pop(), tops.pop()
            higher = max(tops[-1], after)
            if higher - low[own] < merge or low[own] > share * higher + SMALL:
                state[own - 1] = JOINED
                tops[-1] = higher
            else:
                state[own - 1] = APART
                latest = after if latest == NOTHING else latest
                level = NOTHING
        if latest > NOTHING:
            tops = [latest]
        if gap < len(peak):
            waiting.append(gap)
            tops.append(peak[gap])
    return state
