"""MFCC statistics: the input of the classical baselines.

Cepstral coefficients of a log-mel (DCT-II, orthonormal: Davis & Mermelstein 1980) and of their first
difference, each summarised over time by mean and standard deviation.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

N_COEFFICIENTS = 20


def mfcc(logmel: np.ndarray, n_coefficients: int = N_COEFFICIENTS) -> np.ndarray:
    """(..., M, F) log-mel in dB -> (..., C, F) cepstral coefficients, equal to librosa's mfcc."""
    coefficients: np.ndarray = dct(logmel, axis=-2, type=2, norm="ortho")
    return coefficients[..., :n_coefficients, :]


def mfcc_statistics(logmel: np.ndarray, n_coefficients: int = N_COEFFICIENTS) -> np.ndarray:
    """(..., M, F) log-mel in dB -> (..., 4 C): mean and deviation over time, of values and differences."""
    values = mfcc(logmel, n_coefficients)  # (..., C, F)
    change = np.diff(values, axis=-1)
    parts = [f(v, axis=-1) for v in (values, change) for f in (np.mean, np.std)]
    return np.concatenate(parts, axis=-1).astype(np.float32)
