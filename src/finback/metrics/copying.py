"""Whether generated sounds are copies of what the generator learned from, and whether they differ at all.

    between = shifted_distances(learnt, learnt)                 # (L, L)
    marks = CopyThresholds.of(between, tapes, shifted_distances(held, learnt).min(axis=1))
    copying(shifted_distances(made, learnt).min(axis=1), marks)

A copy is known by its distance to the closest learnt clip, and that distance means nothing by itself: it is
set beside distances between real clips. Real clips that were held out must be judged the same way, as a
control: those of the same tapes show what being alike without being copied looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

SHARE = 0.01  # the percentile of real distances below which a sample counts as too near
ROWS = 64  # spectrograms at a time: 64 x 600 x 112 float32 is 17 MB


def flat(x: np.ndarray) -> np.ndarray:
    """(N, M, F) -> the same shape, float32, of mean 0 and norm 1 each: neither level nor contrast is left."""
    x = np.asarray(x, dtype=np.float32)
    x = x - x.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt(np.square(x).sum(axis=(1, 2), keepdims=True))
    flattened: np.ndarray = x / np.maximum(norm, 1e-6)
    return flattened


def shifted_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, L) float32 distances between spectrograms (N, M, F) and (L, M, F), at the best shift in time.

    Euclidean between `flat` spectrograms, one of them rolled by whichever number of frames brings it closest:
    sqrt(2 - 2 r), r the largest correlation; 0 for a copy, rolled or louder, 1.41 for what has nothing in
    common. Every shift is looked at, by FFT along time.
    """
    fx, fy = (np.fft.rfft(flat(part), axis=2).astype(np.complex64) for part in (x, y))  # (., M, F / 2 + 1)
    n_frames = x.shape[2]
    fy = np.ascontiguousarray(fy.transpose(2, 1, 0))  # (F', M, L)
    out = np.empty((len(x), len(y)), dtype=np.float32)
    for i in range(0, len(x), ROWS):
        part = np.conj(fx[i : i + ROWS]).transpose(2, 0, 1)  # (F', rows, M)
        correlation = np.fft.irfft((part @ fy).transpose(1, 2, 0), n=n_frames, axis=2)  # (rows, L, F)
        out[i : i + ROWS] = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * correlation.max(axis=2)))
    return out


def best_shift(x: np.ndarray, y: np.ndarray) -> int:
    """Frames by which spectrogram `y` (M, F) must be rolled to come closest to `x` (M, F)."""
    fx, fy = (np.fft.rfft(flat(part[None])[0], axis=1) for part in (x, y))
    correlation = np.fft.irfft((fx * np.conj(fy)).sum(axis=0), n=x.shape[1])
    return int(correlation.argmax())


def vector_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, L) Euclidean distances between embeddings (N, D) and (L, D)."""
    found: np.ndarray = cdist(x, y)
    return found


@dataclass(frozen=True)
class CopyThresholds:
    """What real clips say about which distance is near.

    `pair`: the 1st percentile of all distances between learnt clips of different tapes. `nearest`: the 1st
    percentile of each learnt clip's distance to its nearest of another tape, which is what a sample's
    distance to its nearest should be held against: the nearest of hundreds lies below 1 % of pairs even for
    real clips.
    `typical`: median distance of a held-out clip of the same tapes to its nearest learnt clip. None is
    undefined.
    """

    pair: float | None
    nearest: float | None
    typical: float | None

    @classmethod
    def of(
        cls, between: np.ndarray, tapes: Sequence[str], held: np.ndarray, share: float = SHARE
    ) -> CopyThresholds:
        """From distances between learnt clips (L, L), their tapes (L,), held clips' nearest distances
        (H,)."""
        names = np.asarray(tapes, dtype=str)
        other = names[:, None] != names[None, :]
        typical = float(np.median(held)) if len(held) else None
        if not other.any():
            return cls(None, None, typical)
        nearest = np.where(other, between, np.inf).min(axis=1)
        return cls(
            pair=float(np.quantile(between[other], share)),
            nearest=float(np.quantile(nearest[np.isfinite(nearest)], share)),
            typical=typical,
        )


def copying(nearest: np.ndarray, marks: CopyThresholds) -> dict[str, Any]:
    """Figures of a set's distances (N,) to the nearest learnt clip.

    `ratio`: their median over the typical held-out clip's; `ratio_low`: the same of their 5th percentile;
    `below_pair`, `below_nearest`: the share below each mark. None where undefined.
    """
    if not len(nearest):
        return {"n": 0, "ratio": None, "ratio_low": None, "below_pair": None, "below_nearest": None}

    def over(distance: float) -> float | None:
        return distance / marks.typical if marks.typical else None

    def below(mark: float | None) -> float | None:
        return None if mark is None else float((nearest < mark).mean())

    return {
        "n": len(nearest),
        "ratio": over(float(np.median(nearest))),
        "ratio_low": over(float(np.quantile(nearest, 0.05))),
        "below_pair": below(marks.pair),
        "below_nearest": below(marks.nearest),
    }


def diversity(made: np.ndarray, real: np.ndarray) -> float | None:
    """How far made sounds (N, N) are from one another, over how far real ones (L, L) are, on average.

    Of one species each. 1: they differ as real ones do; 0: all the same. None below two sounds, or where all
    real ones are equal.
    """
    if min(len(made), len(real)) < 2:
        return None
    mean_made, mean_real = (float(d[~np.eye(len(d), dtype=bool)].mean()) for d in (made, real))
    return mean_made / mean_real if mean_real > 0 else None
