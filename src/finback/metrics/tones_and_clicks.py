"""Measures of sounds whose right form is known: tones, whistles, clicks, trains of pulses, and noise.

A tone has a constant envelope and one frequency. A click is short, and nothing precedes it. Noise has neither
lines nor pulses. The measures take waveforms (N, T) and give one value for each. Only the middle half of a
tone counts, because the ends of a window are cut.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray

ENERGY_SHARE = 0.9  # of a click, in its width


def modulation_depth(waves: np.ndarray) -> NDArray[np.float64]:
    """Amplitude modulation (N,) of tones (N, T): deviation of the Hilbert envelope over its mean.

    0 for a steady tone, and 0.52 for noise in a narrow band, whose envelope has a Rayleigh distribution.
    """
    envelope = np.abs(_middle(scipy.signal.hilbert(waves.astype(np.float64), axis=1)))
    return envelope.std(axis=1) / np.maximum(envelope.mean(axis=1), 1e-30)


def frequency_jitter(
    waves: np.ndarray, sample_rate: int, expected_hz: np.ndarray | None = None
) -> NDArray[np.float64]:
    """Deviation in Hz (N,) of the instantaneous frequency of tones (N, T), weighted by their power.

    It is taken around the mean frequency, or around `expected_hz` (N, T) of a whistle. The weights keep the
    zeros of an envelope, where the frequency is not defined, from deciding the figure.
    """
    analytic = scipy.signal.hilbert(waves.astype(np.float64), axis=1)
    hz = np.angle(analytic[:, 1:] * analytic[:, :-1].conj()) * sample_rate / (2 * np.pi)
    if expected_hz is not None:
        hz = hz - expected_hz[:, 1:]
    hz, power = _middle(hz), _middle(np.abs(analytic[:, 1:]) ** 2)
    total = np.maximum(power.sum(axis=1, keepdims=True), 1e-30)
    mean = (hz * power).sum(axis=1, keepdims=True) / total
    return np.sqrt(((hz - mean) ** 2 * power).sum(axis=1) / total[:, 0])


def click_width_ms(waves: np.ndarray, sample_rate: int) -> NDArray[np.float64]:
    """Shortest time (N,) in ms that holds 90 % of the energy of each waveform (N, T)."""
    widths = []
    for wave in waves.astype(np.float64):
        below = np.concatenate([[0.0], np.cumsum(wave**2)])
        if below[-1] <= 0:
            widths.append(np.nan)
            continue
        # For each start, the first end that includes the share.
        ends = np.searchsorted(below, below + ENERGY_SHARE * below[-1] * (1 - 1e-12))
        widths.append(float(np.min((ends - np.arange(len(below)))[ends < len(below)])))
    return np.array(widths) * 1e3 / sample_rate


def energy_before(waves: np.ndarray, onsets: np.ndarray) -> NDArray[np.float64]:
    """Share (N,) of the energy of waveforms (N, T) before the sample `onsets` (N,): the pre-echo."""
    power = waves.astype(np.float64) ** 2
    before = np.arange(waves.shape[1]) < np.asarray(onsets)[:, None]
    return np.asarray((power * before).sum(axis=1) / np.maximum(power.sum(axis=1), 1e-30))


def energy_near(waves: np.ndarray, starts: np.ndarray, length: int) -> NDArray[np.float64]:
    """Share (N,) of the energy of waveforms (N, T) in the `length` samples after each of `starts` (P,)."""
    near = np.zeros(waves.shape[1], dtype=bool)
    for start in np.asarray(starts, dtype=int):
        near[max(0, start) : start + length] = True
    power = waves.astype(np.float64) ** 2
    return np.asarray(power[:, near].sum(axis=1) / np.maximum(power.sum(axis=1), 1e-30))


def kurtosis(waves: np.ndarray) -> NDArray[np.float64]:
    """Fourth moment (N,) of waveforms (N, T) over the squared power: 3 for noise, more for pulses."""
    x = _middle(waves.astype(np.float64))
    power = np.maximum((x**2).mean(axis=1), 1e-30)
    return np.asarray((x**4).mean(axis=1) / power**2)


def envelope_deviation(waves: np.ndarray, n_fft: int) -> NDArray[np.float64]:
    """Deviation of the magnitudes over their mean (N,), from frame to frame in a bin, mean over bins.

    Frames of `n_fft` samples do not overlap. 0.52 for stationary noise, 0 for steady tones.
    """
    n = waves.shape[1] // n_fft
    frames = waves[:, : n * n_fft].astype(np.float64).reshape(len(waves), n, n_fft)
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(n_fft), axis=2))[:, :, 2:-2]
    return np.asarray((magnitude.std(axis=1) / np.maximum(magnitude.mean(axis=1), 1e-30)).mean(axis=1))


def _middle(values: np.ndarray) -> np.ndarray:
    """The middle half of (N, T)."""
    length = values.shape[1]
    return values[:, length // 4 : length - length // 4]
