"""Knots: the edges where a score begins to rise or to fall, and what lies between them.

A year has many million windows and few knots, so these are kept of a score until its events are known.
Sums are whole numbers: their order changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from finback.scan.score_series import Part

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ONE = 2.0**32  # a score of 1 in sums of whole numbers; exact for scores of 32 bits from 2**-8 on


@dataclass(frozen=True, slots=True)
class Between:
    """The lowest and the highest score of pieces, and the highest of windows; without any, infinite."""

    low: float
    high: float
    top: float


@dataclass(frozen=True, eq=False, slots=True)
class Knots:
    """M knots of one class in a stretch; scores between are those up to the next knot."""

    at: Ints  # (M,) samples
    sign: NDArray[np.int8]  # (M,) 1: the score rises, -1: it falls
    height: Floats  # (M,) by how much
    low: Floats  # (M,) lowest score of the pieces of time between
    high: Floats  # (M,) highest
    top: Floats  # (M,) highest score of the windows whose middle is at the knot or behind it
    here: Floats  # (M,) of windows whose middle is at the knot
    counts: Ints  # (M, 6) windows before, and with those at the knot, their sums, pieces before, their sum

    def extended(self, by: Between) -> Knots:
        """The same knots with more behind the last one."""
        ends = [np.array([x]) for x in (by.low, by.high, by.top)]
        low = np.append(self.low[:-1], np.minimum(self.low[-1:], ends[0]))
        high = np.append(self.high[:-1], np.maximum(self.high[-1:], ends[1]))
        return replace(
            self, low=low, high=high, top=np.append(self.top[:-1], np.maximum(self.top[-1:], ends[2]))
        )

    def part(self, first: int) -> Knots:
        """The knots from one on, in memory of their own."""
        return Knots(*(getattr(self, f.name)[first:].copy() for f in fields(self)))


def joined_knots(one: Knots, other: Knots) -> Knots:
    """Knots that follow each other."""
    return Knots(*(np.concatenate([getattr(one, f.name), getattr(other, f.name)]) for f in fields(one)))


def between(function: np.ufunc, values: NDArray[np.floating], bounds: Ints, empty: float) -> Floats:
    """(M - 1,) the function of the values between two bounds (M,); behind the last one nothing is used."""
    if len(bounds) < 2:
        return np.zeros(0)
    padded = np.append(values.astype(np.float64), empty)[: int(bounds[-1]) + 1]
    padded[-1] = empty
    found: Floats = function.reduceat(padded, bounds[:-1])
    found[bounds[:-1] == bounds[1:]] = empty
    return found


@dataclass(frozen=True, eq=False, slots=True)
class Spans:
    """What lies between two knots each, N times; see `Knots`."""

    start: Ints  # (N,) samples
    stop: Ints  # (N,)
    peak: Floats  # (N,) the highest score of a piece of its boxes
    low: Floats  # (N,) the lowest and the highest score of a piece
    high: Floats  # (N,)
    top: Floats  # (N,) the highest score of a window
    before: Ints  # (N, 6) counts at the first knot
    after: Ints  # (N, 6) and at the last

    def __len__(self) -> int:
        return len(self.start)

    def part(self, which: slice | Ints) -> Spans:
        """Some of them, in memory of their own."""
        return Spans(*(getattr(self, f.name)[which].copy() for f in fields(self)))

    def and_also(self, others: Spans) -> Spans:
        """These and others behind them."""
        return Spans(*(np.concatenate([getattr(x, f.name) for x in (self, others)]) for f in fields(self)))

    def joined(self, gaps: Spans, first: Ints, last: Ints) -> Spans:
        """Those from `first` to `last` as one, with the gaps between; each has the gap before it."""
        ends = np.stack([2 * first, 2 * last + 1], 1).reshape(-1)  # in boxes and the gaps behind them

        def over(function: np.ufunc, own: Floats, between_them: Floats, empty: float) -> Floats:
            both = np.stack([own, np.append(between_them[1:], empty)], 1).reshape(-1)
            return between(function, both, ends, empty)[::2]

        peak = between(np.maximum, self.peak, np.append(first, len(self)), -np.inf)
        low = over(np.minimum, self.low, gaps.low, np.inf)
        high = over(np.maximum, self.high, gaps.high, -np.inf)
        top = over(np.maximum, self.top, gaps.top, -np.inf)
        counts = self.before[first], self.after[last]
        return Spans(self.start[first], self.stop[last], peak, low, high, top, *counts)

    def scores(self) -> tuple[Floats, Floats]:
        """(N,) highest and (N,) mean score of the windows in each; without any, of its pieces."""
        _, windows, _, window_sum, *_ = self.after.T
        n, pieces = windows - self.before[:, 0], self.after[:, 4] - self.before[:, 4]
        by_window = (window_sum - self.before[:, 2]) / np.maximum(n, 1)
        by_piece = (self.after[:, 5] - self.before[:, 5]) / np.maximum(pieces, 1)
        score = np.where(n > 0, self.top, self.high)
        return score, np.minimum(np.where(n > 0, by_window, by_piece) / ONE, score)


def spans_of(knots: Knots, first: Ints, last: Ints) -> Spans:
    """What lies between these knots; spans follow each other, and do not overlap."""
    ends = np.stack([first, last], 1).reshape(-1)
    high = between(np.maximum, knots.high, ends, -np.inf)[::2]
    low = between(np.minimum, knots.low, ends, np.inf)[::2]
    top = np.maximum(between(np.maximum, knots.top, ends, -np.inf)[::2], knots.here[last])
    at, counts = knots.at, knots.counts
    return Spans(at[first], at[last], high, low, high, top, counts[first], counts[last])


class KnotMaker:
    """Makes the knots of one class in a stretch, part by part."""

    def __init__(self) -> None:
        self._windows = self._sum = self._pieces = self._area = 0

    def knots(
        self, part: Part, p: NDArray[np.float32], scores: NDArray[np.float32], at: Ints, height: Floats
    ) -> tuple[Between, Knots]:
        """The knots at the new edges with the indices `at`, and what lies before the first of them.

        `p` (W,) and `scores` (A,) are those of the part; `height` is below 0 where the score falls.
        """
        edges, own = part.edges, slice(part.begin, min(part.end, len(part.edges) - 1))
        middles = part.start + part.stop  # twice the middle, a whole number
        new = slice(
            int(np.searchsorted(middles, 2 * edges[part.begin])),
            len(p) if part.is_last else int(np.searchsorted(middles, 2 * edges[part.end])),
        )
        pieces, windows, middles = scores[own], p[new], middles[new]
        to = np.concatenate([[0], at - part.begin, [len(pieces)]])
        first = np.searchsorted(middles, 2 * edges[at], side="left")
        behind = np.searchsorted(middles, 2 * edges[at], side="right")
        over = np.concatenate([[0], first, [len(windows)]])
        low = between(np.minimum, pieces, to, np.inf)
        high = between(np.maximum, pieces, to, -np.inf)
        top = between(np.maximum, windows, over, -np.inf)
        here = between(np.maximum, windows, np.stack([first, behind], 1).reshape(-1), -np.inf)[::2]
        sums, areas = _sums(windows), _sums(pieces)
        counts = np.stack(
            [
                *(self._windows + first, self._windows + behind),
                *(self._sum + sums[first], self._sum + sums[behind]),
                *(self._pieces + to[1:-1], self._area + areas[to[1:-1]]),
            ],
            axis=1,
        )
        self._windows, self._sum = self._windows + len(windows), self._sum + int(sums[-1])
        self._pieces, self._area = self._pieces + len(pieces), self._area + int(areas[-1])
        sign = np.where(height < 0, -1, 1).astype(np.int8)
        knots = Knots(edges[at], sign, np.abs(height), low[1:], high[1:], top[1:], here, counts)
        return Between(float(low[0]), float(high[0]), float(top[0])), knots


def _sums(scores: NDArray[np.float32]) -> Ints:
    """(n + 1,) sums of the first scores, in whole numbers."""
    whole = np.rint(scores.astype(np.float64) * ONE).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(whole)])
