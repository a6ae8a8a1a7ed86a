"""How close a reconstruction comes: spectrograms in dB, waves by signal-to-noise ratio, species by species.

numpy in, numbers out. One value for each item first, so that items can be averaged by species or by tape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

TINY = 1e-12  # power that a silent wave is said to have


def mse_db2(original: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N, M, F) twice, in dB -> (N,) mean squared error in dB^2."""
    error: np.ndarray = np.square(original.astype(np.float64) - other).mean(axis=(1, 2))
    return error


def snr_db(wave: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """(N, T) twice -> (N,) power of the wave over that of the difference, in dB."""
    wave = wave.astype(np.float64)
    return _ratio_db(wave, wave - estimate)


def si_snr_db(wave: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """(N, T) twice -> (N,) in dB, whatever the gain of the estimate.

    SI-SDR of Le Roux et al. 2019 (arXiv 1811.02508), eq. 3: the wave is scaled to come closest to the
    estimate.
    """
    wave, estimate = wave.astype(np.float64), estimate.astype(np.float64)
    power = np.square(wave).sum(axis=1).clip(TINY)
    gain = (wave * estimate).sum(axis=1) / power  # (N,)
    target = gain[:, None] * wave
    return _ratio_db(target, target - estimate)


def _ratio_db(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    power, error = (np.square(x).sum(axis=1).clip(TINY) for x in (signal, noise))
    ratio: np.ndarray = 10.0 * np.log10(power / error)
    return ratio


def by_species(
    figures: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Means of each figure (N,) over the items of a species; species without an item are left out.

    `labels` (N,) are class ids into `names`. The row "" is the mean over species, so that a species with many
    clips counts as much as one with few.
    """
    rows = {
        name: {key: float(values[labels == k].mean()) for key, values in figures.items()}
        for k, name in enumerate(names)
        if (labels == k).any()
    }
    if rows:
        rows[""] = {key: float(np.mean([row[key] for row in rows.values()])) for key in figures}
    return rows
