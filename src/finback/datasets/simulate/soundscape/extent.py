"""Where the call is in a clip: its band and its true extent, measured by what stands out from the clip.

A clip is more than its call: somebody added silence or cut widely, and the tape has rumble, hum and hiss,
often stronger than the call. So both are measured relative to the background of the clip.

**Band.** The power in short frames of each frequency is divided by the background there, the mean power that
the quietest fifth of the frames implies for steady noise. What is more than 10 dB above the background stands
out. The band is that of `datasets.simulate.snr` (1 % below, 1 % above, at least a third of an octave) of this
relative power. The length of the frames is that at which the call stands out most: 20 ms for clicks, 320 ms
for a 20 Hz pulse. The background is at least 80 dB below the loudest cell, so a clip without noise is
measured by its energy alone.

**Extent.** The time from the moment when 1 % of the energy in the band has passed to that when 99 % has; only
power of more than ten times the quietest fifth counts.

Where nothing stands out (a long steady tone; a click that fills its clip), all energy counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from finback.datasets.simulate.snr import active_power, band_of, energy_band, envelope_power

TAIL = 0.01  # of the energy, before and after the extent
ABOVE = 10.0  # 10 dB: exponentially distributed noise power is above it in 0.005 % of the cells
QUIET = 0.2
MEAN_OF_QUIET = 1 / -np.log(1 - QUIET)  # mean of an exponential distribution over its 20 % quantile: 4.5
FLOOR = 1e-8
STANDS_OUT = 0.25  # share of the relative power; of noise alone 0.05 %
FRAMES_S = (0.02, 0.08, 0.32)
FEWEST_FRAMES = 16
SMOOTH_S = 0.005


@dataclass(frozen=True, slots=True)
class Extent:
    """Samples `start` to `stop` of a clip, the band in Hz, and S, the mean power in it (see `snr`).

    `own_snr_db` is the mean power in the band within the extent over that outside; None: nothing is outside.
    """

    start: int
    stop: int
    low_hz: float
    high_hz: float
    power: float
    own_snr_db: float | None = None


def find_extent(clip: np.ndarray, sample_rate: int) -> Extent | None:
    """The call in a clip (n,); None for silence."""
    x = clip.astype(np.float64)
    if not np.any(x):
        return None
    low, high = _band(x, sample_rate)
    power = envelope_power(x, sample_rate, low, high)
    if not np.any(power):
        return None
    start, stop = _times(power, sample_rate, high - low)
    own = None
    outside = np.concatenate([power[:start], power[stop:]])
    if len(outside) > len(power) // 10 and np.any(outside):
        own = float(10 * np.log10(power[start:stop].mean() / outside.mean()))
    return Extent(start, stop, low, high, active_power(x[start:stop], sample_rate, low, high), own)


def _band(x: NDArray[np.float64], sample_rate: int) -> tuple[float, float]:
    """Lower and upper frequency (Hz)."""
    best, band = STANDS_OUT, (0.0, 0.0)
    for seconds in FRAMES_S:
        frame = max(16, round(seconds * sample_rate))
        if (len(x) - frame) // (frame // 2) + 1 < FEWEST_FRAMES:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(x, frame)[:: frame // 2]  # (frames, frame)
        power = np.abs(fft.rfft(frames * np.hanning(frame + 2)[1:-1], axis=1)) ** 2  # (frames, F)
        background = MEAN_OF_QUIET * np.quantile(power, QUIET, axis=0)
        power /= np.maximum(background, FLOOR * power.max())
        standing = np.where(power > ABOVE, power, 0.0)
        share = float(standing.sum() / power.sum())
        if share > best:
            best = share
            band = band_of(standing.sum(axis=0), fft.rfftfreq(frame, 1 / sample_rate), sample_rate)
    return band if best > STANDS_OUT else energy_band(x, sample_rate)


def _times(power: NDArray[np.float64], sample_rate: int, width_hz: float) -> tuple[int, int]:
    """First sample and end of the extent, from the power (n,) in a band of some width."""
    size = min(round(max(SMOOTH_S, 2 / width_hz) * sample_rate), len(power) // FEWEST_FRAMES)
    smooth = uniform_filter1d(power, size, mode="nearest") if size > 1 else power
    standing = np.where(smooth > ABOVE * np.quantile(smooth, QUIET), power, 0.0)
    if standing.sum() < STANDS_OUT * power.sum():
        standing = power
    total = np.cumsum(standing)
    start = int(np.searchsorted(total, TAIL * total[-1]))
    stop = int(np.searchsorted(total, (1 - TAIL) * total[-1])) + 1
    return start, min(len(power), max(stop, start + 1))
