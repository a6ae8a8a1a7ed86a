"""The mel filterbank: triangles of equal area on Slaney's scale, as librosa's default has them.

Source: M. Slaney, Auditory Toolbox, Technical Report 1998-010, Interval Research Corporation. The scale is
linear to 1 kHz (200/3 Hz a mel), logarithmic above (27 mels for a factor of 6.4).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LINEAR_HZ_PER_MEL = 200.0 / 3.0
BREAK_HZ = 1000.0
LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: npt.ArrayLike) -> np.ndarray:
    """Frequencies in Hz to Slaney mels."""
    f = np.asarray(hz, dtype=np.float64)
    logarithmic = BREAK_HZ / LINEAR_HZ_PER_MEL + np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.where(f < BREAK_HZ, f / LINEAR_HZ_PER_MEL, logarithmic)


def mel_to_hz(mel: npt.ArrayLike) -> np.ndarray:
    """Slaney mels to frequencies in Hz."""
    m = np.asarray(mel, dtype=np.float64)
    break_mel = BREAK_HZ / LINEAR_HZ_PER_MEL
    logarithmic = BREAK_HZ * np.exp(LOG_STEP * (np.maximum(m, break_mel) - break_mel))
    return np.where(m < break_mel, m * LINEAR_HZ_PER_MEL, logarithmic)


def band_centres_hz(n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Centre of each band in Hz, (M,)."""
    return band_edges_hz(n_mels, f_min, f_max)[1:-1]


def band_edges_hz(n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Lower foot, peak and upper foot of the triangles as one ascending row, (M + 2,)."""
    return mel_to_hz(np.linspace(hz_to_mel(f_min), hz_to_mel(f_max), n_mels + 2))


def filterbank(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Weights (M, n_fft // 2 + 1) float32 that turn a power spectrum into mel bands.

    Each triangle has unit area in Hz, so a white spectrum gives equal bands. A band narrower than one
    bin has no weight at all and stays at the floor, as in librosa.
    """
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)  # (n_bins,)
    edges = band_edges_hz(n_mels, f_min, f_max)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]  # (M, n_bins)
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
