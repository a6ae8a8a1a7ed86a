"""MFCC statistics: what the classical baseline hears of a clip.

Cepstral coefficients of a log-mel (DCT-II, orthonormal: Davis & Mermelstein 1980) and of their first
difference, each summed up over time by mean and standard deviation, and by the shape of their distribution.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

N_COEFFICIENTS = 20
N_SHAPED = 25


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


def cepstral_shape(logmel: np.ndarray, n_coefficients: int = N_SHAPED) -> np.ndarray:
    """(..., M, F) log-mel in dB -> (..., 7 C): `mfcc_statistics`, then first and ninth decile, skewness.

    A click train and a moan may share mean and deviation over time, but not how lopsided the values are.
    """
    values = mfcc(logmel, n_coefficients)  # (..., C, F)
    centred = values - values.mean(axis=-1, keepdims=True)
    deviation = values.std(axis=-1)
    skewness = (centred**3).mean(axis=-1) / (deviation**3 + 1e-3)  # silence has none
    low, high = np.quantile(values, [0.1, 0.9], axis=-1)
    parts = [mfcc_statistics(logmel, n_coefficients), low, high, skewness]
    return np.concatenate(parts, axis=-1).astype(np.float32)
