"""Floats to the integers of a PCM file."""

from __future__ import annotations

import numpy as np

from finback.audio.validation import PCM_BITS


def quantised(x: np.ndarray, subtype: str) -> np.ndarray:
    """The integers that stand for x; libsndfile scales by 32767, which would not give back what was read."""
    if subtype not in PCM_BITS:
        return x
    bits = PCM_BITS[subtype]
    top = 2 ** (bits - 1)
    steps = np.clip(np.rint(x.astype(np.float64) * top), -top, top - 1).astype(np.int64)
    return (steps << (32 - bits)).astype(np.int32)


def as_written(x: np.ndarray, subtype: str = "PCM_16") -> np.ndarray:
    """Samples (n,) float32 as they are read back from a file of this type."""
    return (quantised(x, subtype) / np.float64(1 << 31)).astype(np.float32) if subtype in PCM_BITS else x
