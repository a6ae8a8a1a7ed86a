"""Whether spectrograms hold calls: clicks that cross all bands, rhythms, contours that last.

    common_share(x)                  # clicks, envelopes: the share of the variance common to all bands
    periodicity(x, hop_s=0.0232)     # trains: how well the energy repeats after a constant time
    ridge_length(x, hop_s=0.0232)    # whistles and harmonics: how long a narrow peak lasts, in seconds
    kurtosis(x)                      # any calls: bands that are loud for a small part of the time

Stationary Gaussian noise can have the common share of a species, which is a ratio of variances. It has short
ridges and a kurtosis of 3. High values are no merit of their own: compare with real clips of the species.

Each function takes spectrograms (N, M, F) in dB and, as `frames` (N,), how many of the F frames are
sound. The other frames are padding and are left out: a short clip that was tiled would be perfectly
periodic. All frames count without `frames`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, median_filter

SHORTEST_S, LONGEST_S = 0.03, 1.0  # lags at which a period is looked for
NEIGHBOURS = 15  # bands over which the local background of a ridge is the median
PROMINENCE_DB = 6.0  # of a ridge over this background
SMALLEST = 1e-9  # dB squared


def common_share(x: np.ndarray, frames: np.ndarray | None = None) -> NDArray[np.float64]:
    """(N,) variance over time of the mean over bands, by the mean over bands of the variance over time.

    1: all bands rise and fall together, as in a click. About 1 / M: bands change independently, as in noise.
    """
    shares = []
    for own in _parts(x, frames):
        common, mean = own.mean(axis=0).var(), own.var(axis=1).mean()
        shares.append(common / mean if mean > SMALLEST else 0.0)
    return np.array(shares, dtype=np.float64)


def periodicity(x: np.ndarray, hop_s: float, frames: np.ndarray | None = None) -> NDArray[np.float64]:
    """(N,) largest peak of the autocorrelation of the energy envelope at lags from 30 ms to 1 s.

    The envelope is the mean over bands in dB. At each lag, the correlation is that of the two parts of
    the envelope that overlap. Half of the envelope must overlap. A peak is higher than the lags before
    and after; 0 where there is none.
    """
    return np.array([_largest_peak(own.mean(axis=0), hop_s) for own in _parts(x, frames)], dtype=np.float64)


def ridge_length(x: np.ndarray, hop_s: float, frames: np.ndarray | None = None) -> NDArray[np.float64]:
    """(N,) mean duration in seconds of the ridge that a peak belongs to; 0 for no peak.

    A peak is a band that is higher than both its neighbours and 6 dB above the median of the 15 bands
    around. Peaks of neighbouring frames belong to one ridge if they are at most one band apart.
    """
    return np.array([_mean_ridge(own) * hop_s for own in _parts(x, frames)], dtype=np.float64)


def kurtosis(x: np.ndarray, frames: np.ndarray | None = None) -> NDArray[np.float64]:
    """(N,) mean over bands of the fourth moment over time, by the squared variance over time.

    3 for Gaussian noise (a little less in a short window), more where a call is rare, less where two levels
    alternate. Bands that do not change are left out; 0 if no band changes.
    """
    return np.array([_mean_kurtosis(own) for own in _parts(x, frames)], dtype=np.float64)


def _mean_kurtosis(x: NDArray[np.float64]) -> float:
    square = np.square(x - x.mean(axis=1, keepdims=True))
    variance = square.mean(axis=1)
    changing = variance > SMALLEST
    return (
        float((np.square(square).mean(axis=1)[changing] / variance[changing] ** 2).mean())
        if changing.any()
        else 0.0
    )


def _parts(x: np.ndarray, frames: np.ndarray | None) -> Iterator[NDArray[np.float64]]:
    """Each spectrogram (M, f) in double precision, without its padding."""
    lengths = np.full(len(x), x.shape[2]) if frames is None else frames
    for own, n in zip(x, lengths, strict=True):
        yield np.asarray(own[:, : int(n)], dtype=np.float64)


def _largest_peak(envelope: NDArray[np.float64], hop_s: float) -> float:
    """The largest local maximum of the autocorrelation of (F,) within the lags."""
    most = min(int(LONGEST_S / hop_s), len(envelope) // 2)
    correlations = np.array([_correlation(envelope, lag) for lag in range(most + 2)])  # of lags 0, 1, ...
    inner = correlations[1:-1]
    peaks = (inner > correlations[:-2]) & (inner >= correlations[2:])
    peaks &= np.arange(1, len(inner) + 1) * hop_s >= SHORTEST_S
    return float(max(inner[peaks].max(initial=0.0), 0.0))


def _correlation(envelope: NDArray[np.float64], lag: int) -> float:
    """Correlation of the envelope with itself, `lag` frames later; 0 where it does not change."""
    if len(envelope) - lag < 2:
        return 0.0
    a, b = envelope[: len(envelope) - lag], envelope[lag:]
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt(np.square(a).sum() * np.square(b).sum())
    return float((a * b).sum() / size) if size > SMALLEST else 0.0


def _mean_ridge(x: NDArray[np.float64]) -> float:
    """Mean over the peaks of (M, f) of the number of frames of their ridge."""
    peaks = np.zeros(x.shape, dtype=bool)
    peaks[1:-1] = (x[1:-1] > x[:-2]) & (x[1:-1] >= x[2:])
    peaks &= x - median_filter(x, size=(NEIGHBOURS, 1), mode="nearest") >= PROMINENCE_DB
    ridges, n = label(peaks, structure=np.ones((3, 3)))
    if not n:
        return 0.0
    band, frame = np.nonzero(peaks)
    ridge = ridges[band, frame] - 1
    first, last = np.full(n, x.shape[1]), np.full(n, -1)
    np.minimum.at(first, ridge, frame)
    np.maximum.at(last, ridge, frame)
    return float((last - first + 1)[ridge].mean())
