"""The events of one class in a stretch of sound, as its scores come in.

events = ClassEvents(settings, finder, least=0.5, rate=48_000)
events.add(part, k, half)        # for each part of the stretch
events.listed                    # after the last one
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finback.scan.change_points import SMALL, Joining, Pairs, step_filter
from finback.scan.event_settings import EventSettings, FinderSettings
from finback.scan.score_knots import Floats, Ints, KnotMaker
from finback.scan.score_series import Part

NEAR_S = 30.0  # events within this time are not background of each other


class Scored(NamedTuple):
    """An event from sample `start` to `stop`, its highest and its mean score."""

    start: int
    stop: int
    score: float
    mean_score: float


class Listed(NamedTuple):
    """An event that reaches its threshold; see `FoundEvent`."""

    start: int
    stop: int
    score: float
    mean_score: float
    reach: tuple[int, int]
    others: tuple[tuple[int, int], ...]


class ClassEvents:
    """See the module. `least` is the threshold."""

    def __init__(self, settings: EventSettings, finder: FinderSettings, least: float, rate: int) -> None:
        self._settings, self._least, self._near = settings, least, round(NEAR_S * rate)
        self.listed: list[Listed] = []
        self._knots, self._pairs = KnotMaker(), Pairs()
        self._joining = Joining(finder if settings.method == "boxes" else None)
        self._area = 0.0  # sum of the scores of all samples before the first edge of the next part
        self._was_above = False
        self._scored: list[Scored] = []  # those that others still depend on
        self._next = 0  # the first of them that is not decided yet

    def add(self, part: Part, k: int, half: float) -> None:
        """Take the new scores of class k; `half` is half of the length of the step filter, in samples."""
        p = part.probabilities(k)
        if part.is_first and part.is_last and not p.max() >= self._least:
            return
        scores = part.scores(p)
        if self._settings.method == "boxes":
            at, height = self._moves(part, scores, half)
        else:
            at, height = self._changes(part, p, scores)
        boxes, gaps = self._pairs.add(*self._knots.knots(part, p, scores, at, height), part.is_last)
        events = self._joining.add(boxes, gaps, part.is_last)
        score, mean = events.scores()
        own = np.flatnonzero(score >= self._settings.lowest)
        columns = (events.start, events.stop, score, mean)
        self._scored += map(Scored, *(column[own].tolist() for column in columns))
        behind = int(part.edges[part.end - 1])
        self._decide(part, self._joining.begins(self._pairs.begins(behind)))

    def _moves(self, part: Part, scores: NDArray[np.float32], half: float) -> tuple[Ints, Floats]:
        """The new edges at which the score rises or falls, and by how much."""
        steps = scores.astype(np.float64) * np.diff(part.edges)
        area = np.cumsum(np.concatenate([[self._area], steps]))
        new = slice(part.begin, part.end)
        rise = step_filter(part.edges, area, half, part.edges[new])
        self._area = float(area[np.searchsorted(part.edges, part.next_edge)])
        moving = np.flatnonzero(np.abs(rise) > SMALL)
        return moving + part.begin, rise[moving]

    def _changes(
        self, part: Part, p: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> tuple[Ints, Floats]:
        """The new edges at which the pieces of events begin and end."""
        if self._settings.method == "windows":
            above = part.covered(p >= self._least)
        else:
            above = scores.astype(np.float64) >= self._settings.low
        own = above[part.begin : part.end]
        ends = [False] if part.is_last else []
        change = np.diff(np.concatenate([[self._was_above], own, ends]).astype(np.int8))
        at = np.flatnonzero(change)
        self._was_above = bool(own[-1]) if len(own) else self._was_above
        return at + part.begin, change[at].astype(np.float64)

    def _decide(self, part: Part, frontier: int) -> None:
        """List the events whose neighbours are known: no event that comes later begins before `frontier`."""
        known = self._scored
        while self._next < len(known):
            event = known[self._next]
            is_inner = self._next + 1 < len(known) and frontier >= event.stop + self._near
            if not (part.is_last or is_inner):
                break
            if event.score >= self._least:
                reach = self._reach(part, self._next)
                self.listed.append(Listed(*event, reach, self._others(self._next)))
            self._next += 1
        begins = known[self._next].start if self._next < len(known) else frontier
        old = 0
        while old < self._next - 1 and known[old].stop <= begins - self._near:
            old += 1
        self._scored, self._next = known[old:], self._next - old

    def _others(self, i: int) -> tuple[tuple[int, int], ...]:
        """The events near the i-th one that are at least half as sure."""
        start, stop, score, _ = self._scored[i]
        found = []
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(self._scored):
                other = self._scored[j]
                if not (start - self._near < other.stop and other.start < stop + self._near):
                    break
                if other.score >= score / 2:
                    found.append((other.start, other.stop))
                j += step
        return tuple(sorted(found))

    def _reach(self, part: Part, i: int) -> tuple[int, int]:
        """How far the box of an event may go: half a window, and at most half of the way to a neighbour."""
        start, stop, *_ = self._scored[i]
        before, after = start - part.stretch_start, int(part.edges[-1]) - stop
        if i > 0:
            before = (start - self._scored[i - 1].stop) // 2
        if i + 1 < len(self._scored):
            after = (self._scored[i + 1].start - stop) // 2
        return start - min(part.window // 2, before), stop + min(part.window // 2, after)
