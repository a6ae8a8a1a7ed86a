"""The score of each class as a series in time, from the scores of windows that overlap.

    for part in parts([sound]):
        series = part.of_class(k)
        part.edges, series.scores          # (A + 1,) samples, (A,): A pieces of time and their scores

A window of two seconds says that a call is somewhere in its two seconds. At half overlap, two windows cover
each second. A piece of time lies between two neighbouring edges of windows, and its score is the mean of the
windows that cover it: high where both hear the call, and half as high beside it. docs/decisions says
what other rules gave on recordings with truth.

A stretch is sound that was analysed without a break. It ends where the recorder slept, where a cell was not
analysed yet, and at a cell that was not analysed (`LEFT_OUT`); windows of such cells are not used.

A sound comes in sections, so that a year in one file needs no more memory than a day. A stretch that goes
through several sections has as many parts. A part has the sound around it, too, that its numbers depend on:
they are those of the whole stretch, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finback.scan.spans import LEFT_OUT, ScoredSound

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ROWS = 1 << 16  # windows whose softmax is computed at a time


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """The scores of one class in a part."""

    probabilities: NDArray[np.float32]  # (W,)
    scores: NDArray[np.float32]  # (A,)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """W windows of sound without a break, and A pieces of time; positions are native samples.

    New are the edges `begin` to `end` and the pieces that begin there; the others are around them, and are
    new in another part. The series of a class is computed when it is looked at.
    """

    start: Ints  # (W,)
    stop: Ints  # (W,) cut at the end of the stretch
    edges: Ints  # (A + 1,)
    logits: NDArray[np.float32]  # (W, K)
    top: Floats  # (W,) highest logit
    total: Floats  # (W,) sum of exp(logit - top): the denominator of the softmax
    first: Ints  # (A,) the first window over each piece
    count: Ints  # (A,) and how many there are; they follow each other
    window: int  # samples of the longest window of the stretch
    stretch_start: int
    begin: int
    end: int
    next_edge: int  # the first edge of the next part
    is_last: bool  # of its stretch

    @property
    def is_first(self) -> bool:
        """Whether its stretch begins here."""
        return self.begin == 0 and int(self.edges[0]) == self.stretch_start

    def probabilities(self, k: int) -> NDArray[np.float32]:
        """(W,) of class k."""
        p = np.empty(len(self.logits), np.float32)
        for i in range(0, len(p), ROWS):
            part = slice(i, i + ROWS)
            p[part] = np.exp(self.logits[part, k].astype(np.float64) - self.top[part]) / self.total[part]
        return p

    def scores(self, p: NDArray[np.float32]) -> NDArray[np.float32]:
        """(A,) mean of the probabilities (W,) that cover each piece."""
        scores = np.zeros(len(self.first), np.float32)
        for window, is_there in self._covering():
            scores += np.where(is_there, p[window], np.float32(0))
        scores /= self.count.astype(np.float32)
        return scores

    def covered(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(A,) whether any of the wanted windows (W,) covers each piece."""
        found = np.zeros(len(self.first), np.bool_)
        for window, is_there in self._covering():
            found = np.logical_or(found, np.logical_and(wanted[window], is_there))
        return found

    def of_class(self, k: int) -> Series:
        """The series of class k."""
        p = self.probabilities(k)
        return Series(p, self.scores(p))

    def _covering(self) -> Iterator[tuple[Ints, NDArray[np.bool_]]]:
        """The first window over each piece (A,), the second one, and so on, and where there is one."""
        for i in range(int(self.count.max())):
            yield np.minimum(self.first + i, len(self.start) - 1), i < self.count


def parts(
    sections: Iterable[ScoredSound], reach_of: Callable[[int], float] = lambda window: window / 2
) -> Iterator[Part]:
    """The parts of the stretches of a sound, in order.

    `sections` are windows of one sound in order; `reach_of` says how far, in samples, numbers depend on the
    sound around, for the longest window of a stretch.
    """
    stretch: _Stretch | None = None
    for section, following in pairwise(_ahead(sections)):
        if section is None:
            return
        usable = _heard(section)
        follows = _follow(section, section.cell_stop[:-1], section.start[1:])
        cuts = np.flatnonzero((usable[1:] != usable[:-1]) | ~follows) + 1
        bounds = [0, *cuts.tolist(), len(usable)]
        for first, last in pairwise(bounds):
            if last == first or not usable[first]:
                continue
            goes_on = last == len(usable) and following is not None and _goes_on(section, following)
            stretch = stretch or _Stretch(int(section.start[first]), reach_of)
            part = stretch.add(section, slice(first, last), is_last=not goes_on)
            if part is not None:
                yield part
            if not goes_on:
                stretch = None


def _ahead(sections: Iterable[ScoredSound]) -> Iterator[ScoredSound | None]:
    """The sections that hold windows, and None behind the last one."""
    yield from (section for section in sections if len(section.start))
    yield None


def _heard(section: ScoredSound) -> NDArray[np.bool_]:
    return (section.faults & int(LEFT_OUT)) == 0


def _follow(section: ScoredSound, stops: Ints, starts: Ints) -> NDArray[np.bool_]:
    """Whether cells that begin at `starts` follow those that end at `stops` without a break."""
    borders = np.array([first for first, _ in section.file.schedule], dtype=np.int64)
    return (stops == starts) & ~np.isin(starts, borders)


def _goes_on(section: ScoredSound, following: ScoredSound) -> bool:
    """Whether the stretch at the end of a section goes on in the next one."""
    follows = _follow(section, section.cell_stop[-1:], following.start[:1])
    return bool(_heard(section)[-1] and _heard(following)[0] and follows[0])


class _Stretch:
    """The windows of a stretch that are still needed."""

    def __init__(self, start: int, reach_of: Callable[[int], float]) -> None:
        self.begins, self._reach_of = start, reach_of
        self._from = start  # from here on all windows are known
        self._new = start  # the first edge that was no new one yet
        self._window = 0  # samples of the windows that are not kept
        self._start = self._stop = np.zeros(0, np.int64)
        self._logits: NDArray[np.float32] | None = None

    def add(self, section: ScoredSound, windows: slice, is_last: bool) -> Part | None:
        """The part whose numbers are known with these windows, if there is any."""
        own = section.logits[windows]
        self._start = np.concatenate([self._start, section.start[windows]])
        self._stop = np.concatenate([self._stop, section.stop[windows]])
        self._logits = own if self._logits is None else np.concatenate([self._logits, own])
        # Later windows begin behind the last one, so all is known up to where that begins.
        known = int(section.cell_stop[windows][-1] if is_last else self._start[-1])
        stop = np.minimum(self._stop, known) if is_last else self._stop
        window = max(self._window, int((stop - self._start).max()))
        reach = math.ceil(max(self._reach_of(window), window))
        edges = np.unique(np.concatenate([self._start, stop, [self._from, known]]))
        edges = edges[(edges >= self._from) & (edges <= known)]
        begin = int(np.searchsorted(edges, self._new))
        end = len(edges) if is_last else int(np.searchsorted(edges, known - reach))
        if end <= begin:
            return None
        new = known if is_last else int(edges[end])
        # The windows over a piece follow each other: both starts and stops rise.
        first = np.searchsorted(stop, edges[:-1], side="right")
        count = np.maximum(np.searchsorted(self._start, edges[:-1], side="right") - first, 1)
        held = int(np.searchsorted(stop, new - reach, side="right"))  # windows before it are needed no more
        after = int(stop[held - 1]) if held else self._from
        series = (self._logits, *_denominators(self._logits), first, count)
        part = Part(self._start, stop, edges, *series, window, self.begins, begin, end, after, is_last)
        self._from, self._new, self._window = after, new, window if held else 0
        self._start, self._stop = self._start[held:], self._stop[held:]
        self._logits = self._logits[held:]
        return part


def _denominators(logits: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """The highest logit (W,), and the sum of exp(logit - highest) (W,), in blocks."""
    top, total = np.empty(len(logits)), np.empty(len(logits))
    for i in range(0, len(logits), ROWS):
        z = logits[i : i + ROWS].astype(np.float64)
        top[i : i + ROWS] = z.max(axis=1)
        total[i : i + ROWS] = np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)
    return top, total
