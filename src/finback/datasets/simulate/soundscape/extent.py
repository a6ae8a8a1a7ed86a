"""Where the call is in a clip: its extent and its band, measured from energy above the clip's background.

A clip is often longer than its call: silence was added, or the analyst cut a wide span. The power of the clip
in short frames of each frequency is compared with its background, the mean power that the quietest fifth of
the frames implies for steady noise. Only power of more than `ABOVE` times the background counts as energy of
the call. The **extent** is the time from the moment when 1 % of this energy has passed to the moment when
99 % has. The **band** is that of `datasets.simulate.snr` (1 % of the energy below and above, at least a third
of an octave), after the mean spectrum of the clip outside the extent was subtracted `ABOVE` times.

Where less than a tenth of the power stands out, the call is as steady as a background (a long tone, a clip
that is full of the call) or too short for frames (a click of 20 samples): then all energy counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from finback.datasets.simulate.snr import active_power, band_mask, band_of, energy_band

TAIL = 0.01  # of the energy, before and after the extent
ABOVE = 4.0  # 6 dB: exponentially distributed noise power is above it in 1.8 % of the cells
QUIET = 0.2
MEAN_OF_QUIET = 1 / -np.log(1 - QUIET)  # mean of an exponential distribution over its 20 % quantile: 4.5
STANDS_OUT = 0.1
FEWEST_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """Samples `start` to `stop` of a clip, the band in Hz, and S, the mean power in it (see `snr`).

    `own_snr_db` is the SNR of the call relative to the rest of the clip; None where there is no rest.
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
    start, stop = _times(x, sample_rate)
    call = x[start:stop]
    rest = np.concatenate([x[:start], x[stop:]])
    low, high = _band(call, rest, sample_rate)
    power = active_power(call, sample_rate, low, high)
    own = None
    if len(rest) > len(call) // 4 and (noise := _band_power(rest, sample_rate, low, high)) > 0:
        own = float(10 * np.log10(power / noise))
    return Extent(start, stop, low, high, power, own)


def _times(x: NDArray[np.float64], sample_rate: int) -> tuple[int, int]:
    """First sample and end of the extent."""
    frame = _frame(len(x), sample_rate)
    hop = frame // 2
    n_frames = (len(x) - frame) // hop + 1
    # Each sample is a frame of its own where there are too few frames.
    if n_frames < FEWEST_FRAMES:
        return _middle(np.square(x), TAIL)
    frames = np.lib.stride_tricks.sliding_window_view(x, frame)[::hop]  # (frames, frame)
    power = np.abs(fft.rfft(frames * np.hanning(frame + 2)[1:-1], axis=1)) ** 2  # (frames, F)
    background = MEAN_OF_QUIET * np.quantile(power, QUIET, axis=0)
    standing = np.where(power > ABOVE * background, power, 0.0).sum(axis=1)
    if standing.sum() < STANDS_OUT * power.sum():
        return _middle(np.square(x), TAIL)
    first, last = _middle(standing, TAIL)
    start, stop = first * hop, (last - 1) * hop + frame
    # Within the first and the last frame the samples say where the sound is: a click is shorter than both.
    inner_start, inner_stop = _middle(np.square(x[start:stop]), TAIL / 10)
    return start + inner_start, start + inner_stop


def _frame(n: int, sample_rate: int) -> int:
    """Samples of a frame: about 20 ms, at least 16 samples, and short enough for a few frames."""
    return int(max(16, min(0.02 * sample_rate, n / 16)))


def _middle(energy: NDArray[np.float64], tail: float) -> tuple[int, int]:
    """The part (start, stop) of the energy (n,) without the first and the last `tail` of it."""
    total = np.cumsum(energy)
    start = int(np.searchsorted(total, tail * total[-1]))
    stop = int(np.searchsorted(total, (1 - tail) * total[-1])) + 1
    return start, min(len(energy), max(stop, start + 1))


def _band(call: np.ndarray, rest: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """The band (Hz) of a call (n,), without what the rest of the clip (m,) has as well."""
    if len(rest) <= len(call) // 4 or not np.any(rest):
        return energy_band(call, sample_rate)
    n = fft.next_fast_len(max(len(call), len(rest), sample_rate // 2), real=True)
    energy = np.abs(fft.rfft(call, n)) ** 2
    background = np.abs(fft.rfft(rest, n)) ** 2 * (len(call) / len(rest))
    width = max(1, round(len(energy) * 0.002))
    smooth = np.convolve(background, np.ones(width) / width, mode="same")
    standing = np.where(energy > ABOVE * smooth, energy, 0.0)
    if standing.sum() < STANDS_OUT * energy.sum():
        return energy_band(call, sample_rate)
    return band_of(standing, fft.rfftfreq(n, 1 / sample_rate), sample_rate)


def _band_power(x: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> float:
    """Mean power of a sound (n,) in a band."""
    energy = np.abs(fft.rfft(x)) ** 2
    inside = band_mask(fft.rfftfreq(len(x), 1 / sample_rate), low_hz, high_hz)
    return float(2 * np.sum(energy[inside]) / len(x) ** 2)
