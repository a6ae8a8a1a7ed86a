"""Clicks and knocks: short rises of the power in many bands at once."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_opening, maximum_filter1d

from finback.models.networks.calls.grid import Array, Grid, decibels, powers
from finback.models.networks.calls.sounds import Pulses

OPENING = 13  # short hops (38 ms at 22,050 Hz): a rise that lasts longer is no pulse
APART = 5  # short hops between two pulses, at least
RISE_DB, RISE_DEVIATIONS = 3.0, 5.0  # over the mean rise of noise
SHARE, IN_BAND_DB = 0.35, 8.0  # of the bands, which must rise by so much
LIVE_DB = 75.0  # a band that is further below the loudest one holds rounding, no sound
BEFORE, AFTER = 3, 10  # short hops of a pulse around its peak
SMOOTH = 0.7  # short hops
CERTAIN = 2.0  # deviations of the energy of noise: a pulse has no energy in a band where it has less


def pulses(x: Array, grid: Grid) -> Pulses:
    """Samples (n,) -> the pulses in them, with times from the first sample. Their decay is the median one."""
    power = grid.pulse_bands @ grid.pulse_power(x)  # (bands, short frames)
    level = decibels(power)
    floor = grey_opening(level, size=(1, OPENING))
    live = np.median(level, axis=1) > level.max() - LIVE_DB
    risen = (level - floor)[live] if live.any() else level - floor
    rise = gaussian_filter1d(risen, SMOOTH, axis=1).mean(axis=0)
    noise_rise, spread, bias, deviation = chance(grid)
    found = np.flatnonzero(
        (rise >= maximum_filter1d(rise, APART))
        & (rise > noise_rise + max(RISE_DEVIATIONS * spread, RISE_DB))
        & ((risen > IN_BAND_DB).mean(axis=0) > SHARE)
    )
    energies, decays = [], []
    ends = np.minimum(found + AFTER, np.r_[found[1:] - BEFORE, power.shape[1]])  # no energy counts twice
    for i, end in zip(found.tolist(), ends.tolist(), strict=True):
        low, high = max(0, i - BEFORE), max(end, i + 1)
        noise = bias * powers(floor[:, i])  # (bands,) mean power
        excess = power[:, low:high] - noise[:, None]
        sure = excess.sum(axis=1) > CERTAIN * deviation * noise
        energies.append(decibels(np.where(sure, excess.sum(axis=1), 0) * grid.pulse_hop))
        after = np.maximum(excess[sure, i - low :].sum(axis=0), 0)
        # The mean time of the energy after the peak; a window smears it by some 2.5 hops.
        mean = (after * np.arange(len(after))).sum() / max(after.sum(), 1e-12) - 0.6
        decays.append(max(mean, 0.25) * grid.pulse_hop / grid.rate)
    return Pulses(
        found * grid.pulse_hop / grid.rate,
        np.array(energies).reshape(len(found), -1) if len(found) else np.zeros((0, len(power))),
        float(np.median(decays)) if decays else 0.0,
    )


@cache
def chance(grid: Grid) -> tuple[float, float, Array, Array]:
    """Of white noise: mean and deviation of the rise; mean power over its opening, deviation of an energy.

    The last two are (N_PULSE_BANDS,).
    The opening of noise is far below its mean, most in the low bands, which have few bins. The energy is that
    of the short frames around a pulse, relative to the mean power of one frame.
    """
    white = np.random.default_rng(0).standard_normal(4000 * grid.pulse_hop)
    power = grid.pulse_bands @ grid.pulse_power(white)
    level = decibels(power)
    opened = grey_opening(level, size=(1, OPENING))
    rise = gaussian_filter1d(level - opened, SMOOTH, axis=1).mean(axis=0)[20:-20]
    floor = powers(opened)
    n = BEFORE + AFTER
    sums = power[:, : power.shape[1] // n * n].reshape(len(power), -1, n).sum(axis=2)
    bias, deviation = power.mean(axis=1) / floor.mean(axis=1), sums.std(axis=1) / power.mean(axis=1)
    return float(rise.mean()), float(rise.std()), bias, deviation
