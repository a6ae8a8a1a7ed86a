"""Whether generated sounds are copies of training clips, and whether they differ from each other.

    between = shifted_distances(train, train)                   # (L, L)
    thresholds = CopyThresholds.of(between, groups, shifted_distances(held_out, train).min(axis=1))
    copying(shifted_distances(generated, train).min(axis=1), thresholds)

A copy is found by its distance to the nearest training clip. Such a distance has a meaning only in comparison
with distances between real clips. Held-out real clips must be evaluated in the same way, as a control:
held-out clips of the same recording groups show how similar sounds are that are no copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

SHARE = 0.01  # a sample nearer than this share of the real distances counts as too near
ROWS = 64  # spectrograms at a time: 64 x 600 x 112 float32 is 17 MB


def flat(x: np.ndarray) -> NDArray[np.float32]:
    """Spectrograms (N, M, F) with mean 0 and norm 1 each, so that level and contrast do not count."""
    x = np.asarray(x, dtype=np.float32)
    x = x - x.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt(np.square(x).sum(axis=(1, 2), keepdims=True))
    return x / np.maximum(norm, 1e-6)


def shifted_distances(x: np.ndarray, y: np.ndarray) -> NDArray[np.float32]:
    """Distances (N, L) between spectrograms (N, M, F) and (L, M, F), each at the best shift in time.

    Euclidean distance between `flat` spectrograms, one of them rolled by the number of frames that gives the
    smallest distance: sqrt(2 - 2 r), where r is the largest correlation. 0 for a copy, also if it is shifted
    or louder; 1.41 for unrelated sounds. All shifts are compared, by FFT along time.
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


def whitened(x: np.ndarray) -> NDArray[np.float32]:
    """Spectrograms (N, M, F) without the mean over time of each band.

    Clips of one tape share its noise and its band limits, so `shifted_distances` finds them similar
    without any call in common. The same distances between whitened spectrograms depend on what changes
    over time.
    """
    x = np.asarray(x, dtype=np.float32)
    return x - x.mean(axis=2, keepdims=True)


def best_shift(x: np.ndarray, y: np.ndarray) -> int:
    """Number of frames by which spectrogram `y` (M, F) must be rolled to be nearest to `x` (M, F)."""
    fx, fy = (np.fft.rfft(flat(part[None])[0], axis=1) for part in (x, y))
    correlation = np.fft.irfft((fx * np.conj(fy)).sum(axis=0), n=x.shape[1])
    return int(correlation.argmax())


def vector_distances(x: np.ndarray, y: np.ndarray) -> NDArray[np.float64]:
    """Euclidean distances (N, L) between embeddings (N, D) and (L, D)."""
    return cdist(x, y)


@dataclass(frozen=True)
class CopyThresholds:
    """Distances between real clips, as a scale for the distances of generated sounds; None if
    undefined.

    `pair`: 1st percentile of all distances between training clips of different groups. `nearest`: 1st
    percentile of the distance from each training clip to its nearest clip of another group. Compare the
    distance from a sample to its nearest training clip with `nearest`: even for a real clip, the nearest of
    hundreds of clips is often nearer than `pair`. `typical`: median distance from held-out clips of the same
    groups to their nearest training clip.
    """

    pair: float | None
    nearest: float | None
    typical: float | None

    @classmethod
    def of(
        cls, between: np.ndarray, groups: Sequence[str], held_out: np.ndarray, share: float = SHARE
    ) -> CopyThresholds:
        """From the distances between training clips (L, L), their groups (L,), and the distance from each
        held-out clip to its nearest training clip (H,)."""
        names = np.asarray(groups, dtype=str)
        other = names[:, None] != names[None, :]
        typical = float(np.median(held_out)) if len(held_out) else None
        if not other.any():
            return cls(None, None, typical)
        nearest = np.where(other, between, np.inf).min(axis=1)
        return cls(
            pair=float(np.quantile(between[other], share)),
            nearest=float(np.quantile(nearest[np.isfinite(nearest)], share)),
            typical=typical,
        )


def copying(nearest: np.ndarray, thresholds: CopyThresholds) -> dict[str, Any]:
    """Summary of the distances (N,) from the sounds of a set to their nearest training clips.

    `ratio`: their median over the typical distance of held-out clips; `ratio_low`: their 5th percentile over
    the same; `below_pair`, `below_nearest`: the share of sounds below each threshold. None where undefined.
    """
    if not len(nearest):
        return {"n": 0, "ratio": None, "ratio_low": None, "below_pair": None, "below_nearest": None}

    def over(distance: float) -> float | None:
        return distance / thresholds.typical if thresholds.typical else None

    def below(threshold: float | None) -> float | None:
        return None if threshold is None else float((nearest < threshold).mean())

    return {
        "n": len(nearest),
        "ratio": over(float(np.median(nearest))),
        "ratio_low": over(float(np.quantile(nearest, 0.05))),
        "below_pair": below(thresholds.pair),
        "below_nearest": below(thresholds.nearest),
    }


def diversity(generated: np.ndarray, real: np.ndarray) -> float | None:
    """Mean distance between generated sounds (N, N) over the mean distance between real sounds (L, L).

    All sounds are of one species. 1: generated sounds differ as much as real ones; 0: they are all the same.
    None for fewer than two sounds in a set, or where all real sounds are equal.
    """
    if min(len(generated), len(real)) < 2:
        return None
    mean_generated, mean_real = (float(d[~np.eye(len(d), dtype=bool)].mean()) for d in (generated, real))
    return mean_generated / mean_real if mean_real > 0 else None
