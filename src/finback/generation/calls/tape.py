"""What a tape does to all its sounds: the edges of its band.

A recording with a low rate, or with a filter, holds no sound beyond the edges of its band. The bands in which
calls are measured are wider than such an edge is steep: without its filter, a call would sound beyond it.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from finback.models.networks.calls.grid import Array

STEEP_DB, STEEP_BINS = 20.0, 6  # an edge: the background falls by so much within so many bins
LINES = 9  # bins: narrower lines of the background are no edges


def stop_band(background_db: Array) -> Array:
    """The background (bins,) dB -> (bins,) dB by which the tape lowers a sound; 0 between its edges."""
    level = median_filter(background_db, LINES, mode="nearest")
    gain = np.zeros(len(level))
    loudest = int(level.argmax())
    falls = level[:-STEEP_BINS] - level[STEEP_BINS:]
    above = np.flatnonzero(falls[loudest:] > STEEP_DB)
    if len(above):
        top = loudest + int(above[0])
        gain[top:] = np.minimum(0.0, level[top:] - level[top])
    below = np.flatnonzero(-falls[: max(0, loudest - STEEP_BINS + 1)] > STEEP_DB)
    if len(below):
        bottom = int(below[-1]) + STEEP_BINS
        gain[:bottom] = np.minimum(0.0, level[:bottom] - level[bottom])
    return gain


def through(gain_db: Array, x: Array) -> Array:
    """Samples (n,) after a filter with the gain (bins,) dB, without delay."""
    if not gain_db.any() or not x.any():
        return x
    length = 1 << int(np.ceil(np.log2(len(x) + 2 * len(gain_db))))  # a response must not reach around
    place = np.linspace(0, len(gain_db) - 1, length // 2 + 1)
    gain = 10 ** (np.interp(place, np.arange(len(gain_db)), gain_db) / 20)
    out: Array = np.fft.irfft(np.fft.rfft(x, length) * gain, n=length)[: len(x)]
    return out
