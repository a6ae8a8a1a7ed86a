"""Noise of a tape without its calls, made from one clip of the tape.

    x = TAPE_NOISES["median"](rng, clip, rate, n)       # (n,) float64 of variance 1

The spectrum of a recorder, a place and a ship names a tape as surely as its calls do. A classifier that knows
a species from one tape answers with the species when it gets the noise of that tape. These sounds have the
colour of the clip, and no call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from finback.datasets.simulate.pieces import Floats, Rng, coloured

FRAME_S = 0.05  # of a spectrum
SHORTEST = 16  # samples of a frame


def median(rng: Rng, clip: np.ndarray, rate: int, n: int) -> Floats:
    """Steady noise with the median power of each frequency: what sounds in more than half of the time."""
    return coloured(rng, np.median(_powers(clip, rate), axis=0), n)


def low(rng: Rng, clip: np.ndarray, rate: int, n: int) -> Floats:
    """Steady noise with the power that each frequency exceeds in four fifths of the time."""
    return coloured(rng, np.quantile(_powers(clip, rate), 0.2, axis=0), n)


def mean(rng: Rng, clip: np.ndarray, rate: int, n: int) -> Floats:
    """Steady noise with the mean power: the pitch of the call, without its shape in time."""
    return coloured(rng, _powers(clip, rate).mean(axis=0), n)


def quiet(rng: Rng, clip: np.ndarray, rate: int, n: int) -> Floats:
    """The quietest quarter of the clip, cut into grains that follow each other in random order."""
    size = _frame(clip, rate)
    frames = _frames(clip, size)
    energy = (frames**2).sum(axis=1)
    grains = frames[np.argsort(energy, kind="stable")[: max(1, len(frames) // 4)]]
    hop = size // 2
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    n_grains = n // hop + 2
    out = np.zeros((n_grains + 2) * hop)
    chosen = rng.integers(0, len(grains), n_grains)
    for k, i in enumerate(chosen.tolist()):
        out[k * hop : k * hop + size] += window * grains[i]
    x = out[hop : hop + n]
    return np.asarray(x / max(float(x.std()), 1e-12))


TAPE_NOISES: dict[str, Callable[[Rng, np.ndarray, int, int], Floats]] = {
    "median": median,
    "low": low,
    "mean": mean,
    "quiet": quiet,
}


def _frame(clip: np.ndarray, rate: int) -> int:
    """Samples of a frame: a power of two, and no more than the clip has."""
    return 1 << int(np.log2(max(min(rate * FRAME_S, len(clip)), SHORTEST)))


def _frames(clip: np.ndarray, size: int) -> Floats:
    """(W, size) frames that overlap by half."""
    x = np.asarray(clip, dtype=np.float64)
    x = np.pad(x, (0, max(0, size - len(x))))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(x, size)[:: size // 2])


def _powers(clip: np.ndarray, rate: int) -> Floats:
    """(W, F) power of each frame and frequency."""
    size = _frame(clip, rate)
    return np.asarray(np.abs(np.fft.rfft(_frames(clip, size) * np.hanning(size), axis=1)) ** 2)
