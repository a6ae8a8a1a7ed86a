"""The score of each class as a series in time, from the scores of windows that overlap.

    for stretch in stretches(sound):
        series = stretch.of_class(k)
        stretch.edges, series.scores       # (A + 1,) samples, (A,): A pieces of time and their scores

A window of two seconds says that a call is somewhere in its two seconds. At half overlap, two windows cover
each second. A piece of time lies between two neighbouring edges of windows, and its score is the mean of the
windows that cover it: high where both hear the call, and half as high beside it. docs/decisions says
what other rules gave on recordings with truth.

A stretch is sound that was heard without a break. It ends where the recorder slept, where a cell was not
analysed yet, and at a cell that was not heard (`UNHEARD`); windows of such cells are not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.scan.spans import UNHEARD, ScoredSound

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ROWS = 1 << 16  # windows whose softmax is computed at a time


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """The scores of one class in a stretch."""

    probabilities: NDArray[np.float32]  # (W,)
    scores: NDArray[np.float32]  # (A,)


@dataclass(frozen=True, eq=False, slots=True)
class Stretch:
    """W windows of sound without a break, and A pieces of time; positions are native samples.

    All classes of a recording of a month have 200 MB, so each is computed when it is looked at.
    """

    start: Ints  # (W,)
    stop: Ints  # (W,) cut at the end of the stretch
    edges: Ints  # (A + 1,)
    logits: NDArray[np.float32]  # (W, K)
    top: Floats  # (W,) highest logit
    total: Floats  # (W,) sum of exp(logit - top): the denominator of the softmax
    first: Ints  # (A,) the first window over each piece
    count: Ints  # (A,) and how many there are; they follow each other

    def of_class(self, k: int) -> Series:
        """The series of class k."""
        p = np.empty(len(self.logits), np.float32)
        for i in range(0, len(p), ROWS):
            part = slice(i, i + ROWS)
            p[part] = np.exp(self.logits[part, k].astype(np.float64) - self.top[part]) / self.total[part]
        scores = np.zeros(len(self.first), np.float32)
        for i in range(int(self.count.max())):
            own = p[np.minimum(self.first + i, len(p) - 1)]
            scores += np.where(i < self.count, own, np.float32(0))
        scores /= self.count.astype(np.float32)
        return Series(p, scores)


def stretches(sound: ScoredSound) -> Iterator[Stretch]:
    """The stretches of a sound, in order."""
    heard = (sound.faults & int(UNHEARD)) == 0
    borders = np.array([first for first, _ in sound.file.schedule], dtype=np.int64)
    follows = (sound.cell_stop[:-1] == sound.start[1:]) & ~np.isin(sound.start[1:], borders)
    edges = np.flatnonzero(np.diff(heard.astype(np.int8)) | ~follows) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(heard)], strict=True):
        if last > first and heard[first]:
            yield _stretch(sound, slice(first, last))


def _stretch(sound: ScoredSound, windows: slice) -> Stretch:
    start, end = sound.start[windows], int(sound.cell_stop[windows][-1])
    stop = np.minimum(sound.stop[windows], end)
    edges = np.unique(np.concatenate([start, stop, [end]]))
    # The windows over a piece follow each other: both starts and stops rise.
    first = np.searchsorted(stop, edges[:-1], side="right")
    count = np.maximum(np.searchsorted(start, edges[:-1], side="right") - first, 1)
    logits = sound.logits[windows]
    return Stretch(start, stop, edges, logits, *_denominators(logits), first, count)


def _denominators(logits: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """The highest logit (W,), and the sum of exp(logit - highest) (W,), in blocks."""
    top, total = np.empty(len(logits)), np.empty(len(logits))
    for i in range(0, len(logits), ROWS):
        z = logits[i : i + ROWS].astype(np.float64)
        top[i : i + ROWS] = z.max(axis=1)
        total[i : i + ROWS] = np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)
    return top, total
