"""Errors of reconstructions: of spectrograms in dB, of waveforms by signal-to-noise ratio; means by species.

Each function gives one value for each item, so that items can be averaged by species or by group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

TINY = 1e-12  # smallest power, so that a silent waveform has a ratio


def mse_db2(original: np.ndarray, other: np.ndarray) -> NDArray[np.float64]:
    """Mean squared error (N,) in dB^2 between two sets of log-mel spectrograms (N, M, F) in dB."""
    return np.square(original.astype(np.float64) - other).mean(axis=(1, 2))


def snr_db(wave: np.ndarray, estimate: np.ndarray) -> NDArray[np.float64]:
    """Signal-to-noise ratio (N,) in dB: power of the waveforms (N, T) over the power of the difference."""
    wave = wave.astype(np.float64)
    return _ratio_db(wave, wave - estimate)


def si_snr_db(wave: np.ndarray, estimate: np.ndarray) -> NDArray[np.float64]:
    """Scale-invariant signal-to-noise ratio (N,) in dB of waveforms (N, T) and their estimates (N, T).

    SI-SDR of Le Roux et al. 2019 (arXiv 1811.02508), eq. 3: each waveform is scaled to minimise its distance
    to the estimate.
    """
    wave, estimate = wave.astype(np.float64), estimate.astype(np.float64)
    power = np.square(wave).sum(axis=1).clip(TINY)
    gain = (wave * estimate).sum(axis=1) / power  # (N,)
    target = gain[:, None] * wave
    return _ratio_db(target, target - estimate)


def _ratio_db(signal: np.ndarray, noise: np.ndarray) -> NDArray[np.float64]:
    power, error = (np.square(x).sum(axis=1).clip(TINY) for x in (signal, noise))
    return 10.0 * np.log10(power / error)


def by_species(
    figures: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Mean of each figure (N,) over the items of each species; species without an item are left out.

    `labels` (N,) are class ids, positions in `names`. The row "" is the mean over species: each species has
    the same weight, however many items it has.
    """
    rows = {
        name: {key: float(values[labels == k].mean()) for key, values in figures.items()}
        for k, name in enumerate(names)
        if (labels == k).any()
    }
    if rows:
        rows[""] = {key: float(np.mean([row[key] for row in rows.values()])) for key in figures}
    return rows
