"""The score of each class as a series in time, from the scores of windows that overlap.

    for stretch in stretches(sound):
        stretch.edges, stretch.scores      # (A + 1,) samples, (A, K): A pieces of time and their scores

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
class Stretch:
    """W windows of sound without a break, and A pieces of time; positions are native samples."""

    start: Ints  # (W,)
    stop: Ints  # (W,) cut at the end of the stretch
    probabilities: NDArray[np.float32]  # (W, K)
    edges: Ints  # (A + 1,)
    scores: NDArray[np.float32]  # (A, K)


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
    p = probabilities(sound.logits[windows])
    edges = np.unique(np.concatenate([start, stop, [end]]))
    # The windows over a piece follow each other: both starts and stops rise.
    first = np.searchsorted(stop, edges[:-1], side="right")
    count = np.maximum(np.searchsorted(start, edges[:-1], side="right") - first, 1)
    scores = np.zeros((len(first), p.shape[1]), np.float32)
    for k in range(int(count.max())):
        scores += np.where((k < count)[:, None], p[np.minimum(first + k, len(p) - 1)], np.float32(0))
    return Stretch(start, stop, p, edges, scores / count[:, None].astype(np.float32))


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax (W, K) of logits (W, K), in blocks."""
    p = np.empty(logits.shape, np.float32)
    for i in range(0, len(logits), ROWS):
        z = logits[i : i + ROWS].astype(np.float64)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        p[i : i + ROWS] = z / z.sum(axis=1, keepdims=True)
    return p
