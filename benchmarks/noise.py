"""Recordings for benchmarks: simulated sea noise with calls, written block by block.

Sea noise falls by some 5 dB an octave; its level is that of a calibrated hydrophone recorder, so FLAC shrinks
it to about half, as it does with real recordings. An upsweep of a second comes every half minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from finback.audio import io

PIECE_S = 60
LEVEL = 0.01  # -40 dB re full scale
EVERY_S, CALL_S = 30.0, 1.0


def sea(rate: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """(n,) noise with calls."""
    rng = np.random.default_rng(seed)
    n = round(rate * seconds)
    # Poles and zeros in pairs give -5 dB an octave over four decades.
    x = rng.standard_normal(n)
    for pole, zero in ((0.9995, 0.998), (0.99, 0.96), (0.85, 0.5)):
        x = lfilter([1.0, -zero], [1.0, -pole], x)
    x *= LEVEL / x.std()
    t = np.arange(round(CALL_S * rate)) / rate
    call = np.sin(2 * np.pi * rate * (0.01 * t + 0.01 * t * t)) * np.hanning(len(t))
    for start in range(0, n - len(call), round(EVERY_S * rate)):
        x[start : start + len(call)] += rng.uniform(0.5, 8) * LEVEL * call
    return x.clip(-1, 1 - 1 / 32768).astype(np.float32)


def write_recording(path: Path, rate: int, seconds: float) -> Path:
    """A mono recording of 16 bits; a few pieces of noise stand in another order again and again."""
    pieces = [sea(rate, min(seconds, PIECE_S), seed) for seed in range(4)]
    left, rng = round(rate * seconds), np.random.default_rng(9)
    with io.writer(path, rate) as file:
        while left > 0:
            piece = pieces[rng.integers(len(pieces))][:left]
            file.write(piece)
            left -= len(piece)
    return path
