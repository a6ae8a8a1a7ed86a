"""The definition of the signal-to-noise ratio (SNR) of simulated calls, in dB.

    SNR = 10 log10( S / N )

S is the mean power of the call as the tape records it, in the band of the call, over its active time. N is
the mean noise power in the same band. For the stationary noise of a simulated tape (`simulate`) that is the
long-term mean; in a soundscape, whose noise may be real and change, it is the mean over the noise that the
call lies in (`soundscape.plan`). In stationary noise the two have the same expectation.

- **Band**: between the frequencies below and above which there is 1 % of the energy of the call, widened to
  at least a third of an octave, over which hearing integrates noise (Richardson et al. 1995, Marine Mammals
  and Noise, ch. 8). For a pure tone, the noise within 1 Hz would have no meaning.
- **Active time**: the shortest time, not necessarily continuous, with 90 % of the energy. This is the 90 %
  energy criterion of Madsen (2005, J. Acoust. Soc. Am. 117:3952), applied to the envelope of the call, so
  that the silence between two clicks does not count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

ACTIVE_SHARE = 0.90
BAND_TAIL = 0.01
THIRD_OCTAVE = 2 ** (1 / 6)  # ratio of each edge to the centre


def band_mask(hz: np.ndarray, low_hz: float, high_hz: float) -> NDArray[np.bool_]:
    """Whether each frequency (F,) is in the band."""
    return (hz >= low_hz) & (hz <= high_hz)


def energy_band(call: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Lower and upper frequency (Hz) of a call (n,), as defined above; at most half the sample rate."""
    n = fft.next_fast_len(max(len(call), sample_rate // 2), real=True)
    energy = np.abs(fft.rfft(call, n)) ** 2
    return band_of(energy, fft.rfftfreq(n, 1 / sample_rate), sample_rate)


def band_of(energy: np.ndarray, hz: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """The band of a call whose energy (F,) at the frequencies `hz` (F,) is known, by the same definition."""
    total = np.cumsum(energy) / np.sum(energy)
    low = hz[int(np.searchsorted(total, BAND_TAIL))]
    high = hz[min(int(np.searchsorted(total, 1 - BAND_TAIL)), len(hz) - 1)]
    middle = np.sqrt(max(low, hz[1]) * high)
    return float(min(low, middle / THIRD_OCTAVE)), float(
        min(max(high, middle * THIRD_OCTAVE), sample_rate / 2)
    )


def envelope_power(call: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Power (n,) of a call (n,) in a band, for each sample: half the squared magnitude of its analytic
    signal."""
    n = fft.next_fast_len(len(call) + sample_rate // 10)
    spectrum = fft.rfft(call, n)
    spectrum[~band_mask(fft.rfftfreq(n, 1 / sample_rate), low_hz, high_hz)] = 0
    analytic = fft.ifft(2 * spectrum, n)[: len(call)]
    return np.abs(analytic) ** 2 / 2


def active_power(call: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> float:
    """S: mean power of a call (n,) in its band, over its active time."""
    falling = np.sort(envelope_power(call, sample_rate, low_hz, high_hz))[::-1]
    energy = np.cumsum(falling, dtype=np.float64)
    active = int(np.searchsorted(energy, ACTIVE_SHARE * energy[-1])) + 1
    return float(energy[active - 1] / active)


def band_power(sound: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> float:
    """Mean power of a sound (n,) in a band, with a Hann window against leakage from other frequencies."""
    window = np.hanning(len(sound) + 1)[:-1]
    energy = np.abs(fft.rfft((sound - np.mean(sound)) * window)) ** 2
    inside = band_mask(fft.rfftfreq(len(sound), 1 / sample_rate), low_hz, high_hz)
    return float(2 * np.sum(energy[inside]) / len(sound) / np.sum(window**2))


def snr_db(call: np.ndarray, noise: np.ndarray, sample_rate: int) -> float:
    """SNR of a call (n,) relative to noise (m,), both as the tape records them, as defined above."""
    low, high = energy_band(call, sample_rate)
    ratio = active_power(call, sample_rate, low, high) / band_power(noise, sample_rate, low, high)
    return float(10 * np.log10(ratio))
