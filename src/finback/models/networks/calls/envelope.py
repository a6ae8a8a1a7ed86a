"""The background of a clip, and the noise of its calls: what contours and pulses leave over."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter, uniform_filter1d

from finback.models.networks.calls.grid import Array, Grid, decibels, powers

SHARE = 0.15  # of the frames is below the background, after a mean over five frames
BIAS = 1.9  # the mean of noise over this quantile
LINE_DB = 12.0  # of a line of the background over its neighbours, at most; a stronger tone is a contour

LINE_BINS = 41  # the neighbours
TIME, BANDS = 2.0, 1.5  # frames and bands of the smooth surface (deviations of Gaussians)
SWELL_DB, SHORTEST_SWELL = 6.0, 8  # largest change of the background between calls; frames
SLOW = 8.0  # frames: a faster change of the background is a faint call or chance
NEAR = (2.0, 3.0)  # bands and frames over which deviations from the surface are compared with chance


def floor_of(spectrogram: Array) -> Array:
    """Power (bins, frames) -> the stationary background (bins,) in dB."""
    low = np.quantile(uniform_filter1d(spectrogram, 5, axis=1), SHARE, axis=1) * BIAS
    floor = uniform_filter1d(decibels(low), 3)
    out: Array = np.minimum(floor, median_filter(floor, LINE_BINS, mode="nearest") + LINE_DB)
    return out


def rest(spectrogram: Array, explained: Array, floor_db: Array, grid: Grid) -> Array:
    """Power (bins, frames) without what is explained -> level over the background (N_BANDS, frames), dB."""
    floor = grid.bands @ powers(floor_db)
    power = np.maximum(grid.bands @ spectrogram - grid.bands @ explained, 0.3 * floor[:, None])
    return smoothed(decibels(power) - decibels(floor)[:, None], grid)


def smoothed(level_db: Array, grid: Grid) -> Array:
    """Levels (N_BANDS, frames) without their chance: noise of a constant level is not constant in any frame.

    Deviations from a smooth surface are kept as far as their variance exceeds that of stationary noise (the
    gain of a Wiener filter, band by band and place by place).
    """
    surface = _smooth(level_db, BANDS, TIME)
    away = level_db - surface
    variance = np.maximum(_smooth(away**2, *NEAR), 1e-9)
    bias, by_chance = chance(grid)
    kept = np.clip(1 - by_chance[:, None] / variance, 0, 1)
    return surface + kept * away - (1 - kept) * bias[:, None]


def swell(over: Array, quiet: NDArray[np.bool_], grid: Grid) -> Array:
    """Levels (N_BANDS, frames) over the background -> the change of its level in quiet frames (q,), dB.

    The mean over the bands also changes by chance; its deviation is shrunk to what exceeds chance.
    """
    level = over[:, quiet].mean(axis=0)
    if len(level) < SHORTEST_SWELL:
        return np.zeros(0)
    level = gaussian_filter1d(level, SLOW, mode="nearest")
    level = level - np.median(level)
    kept = max(0.0, 1 - swell_by_chance(grid) / max(float(level.var()), 1e-9))
    return np.clip(np.sqrt(kept) * level, -SWELL_DB, SWELL_DB)


def _smooth(x: Array, bands: float, time: float) -> Array:
    once = gaussian_filter1d(x, bands, axis=0, mode="nearest")
    out: Array = gaussian_filter1d(once, time, axis=1, mode="nearest")
    return out


@cache
def swell_by_chance(grid: Grid) -> float:
    """Variance of the slow mean over the bands of what `rest` gives for white noise, in dB squared."""
    white = np.random.default_rng(1).standard_normal(700 * grid.hop)
    level = smoothed(decibels(grid.bands @ grid.power(white)), grid)[:, 20:-20].mean(axis=0)
    return float(gaussian_filter1d(level, SLOW, mode="nearest").var())


@cache
def chance(grid: Grid) -> tuple[Array, Array]:
    """(N_BANDS,) each: mean and variance of the levels of white noise of power 1 in single frames, in dB.

    The mean is below 0, because the mean of a logarithm is below the logarithm of the mean.
    """
    white = np.random.default_rng(0).standard_normal(700 * grid.hop)
    level = decibels(grid.bands @ grid.power(white))[:, 20:-20]
    return level.mean(axis=1), level.var(axis=1)
