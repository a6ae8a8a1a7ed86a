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
