"""Clicks and knocks: short rises of the power in many bands at once."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_opening, maximum_filter1d

from finback.models.networks.calls.grid import Array, Grid, decibels, powers
from finback.models.networks.calls.sounds import Pulses

OPENING = 13  # short hops (38 ms at 22,050 Hz): a rise that lasts longer is no pulse
APART = 7  # short hops between two pulses, at least
RISE_DB, RISE_DEVIATIONS = 4.0, 5.0  # over the median rise
SHARE, IN_BAND_DB = 0.35, 8.0  # of the bands, which must rise by so much
LIVE_DB = 75.0  # a band that is further below the loudest one holds rounding, no sound
BEFORE, AFTER = 3, 10  # short hops of a pulse around its peak
BIAS = 1.5  # an opening is below the mean of noise


def pulses(x: Array, grid: Grid) -> Pulses:
    """Samples (n,) -> the pulses in them, with times from the first sample. Their decay is the median one."""
    power = grid.pulse_bands @ grid.pulse_power(x)  # (bands, short frames)
    level = decibels(power)
    floor = grey_opening(level, size=(1, OPENING))
    live = np.median(level, axis=1) > level.max() - LIVE_DB
    risen = (level - floor)[live] if live.any() else level - floor
    rise = gaussian_filter1d(risen, 0.7, axis=1).mean(axis=0)
    middle = np.median(rise)
    spread = np.median(np.abs(rise - middle)) + 0.2
    found = np.flatnonzero(
        (rise >= maximum_filter1d(rise, APART))
        & (rise > middle + max(RISE_DEVIATIONS * spread, RISE_DB))
        & ((risen > IN_BAND_DB).mean(axis=0) > SHARE)
    )
    energies, decays = [], []
    for i in found.tolist():
        low, high = max(0, i - BEFORE), min(power.shape[1], i + AFTER)
        excess = np.maximum(power[:, low:high] - BIAS * powers(floor[:, i])[:, None], 0)
        energies.append(decibels(excess.sum(axis=1) * grid.pulse_hop))
        after = excess[:, i - low :].sum(axis=0)
        # The mean time of the energy after the peak; a window smears it by some 2.5 hops.
        mean = (after * np.arange(len(after))).sum() / max(after.sum(), 1e-12) - 0.6
        decays.append(max(mean, 0.25) * grid.pulse_hop / grid.rate)
    return Pulses(
        found * grid.pulse_hop / grid.rate,
        np.array(energies).reshape(len(found), -1) if len(found) else np.zeros((0, len(power))),
        float(np.median(decays)) if decays else 0.0,
    )
