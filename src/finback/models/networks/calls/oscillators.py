"""From numbers to samples: tones by integration of their frequency, pulses at exact times, shaped noise."""

from __future__ import annotations

import numpy as np

from finback.models.networks.calls.grid import Array, Grid, framed, hann, powers
from finback.models.networks.calls.sounds import QUIET_DB, Contour, Pulses

HIGHEST = 0.98  # of half the rate: a tone above is silent, because it would come back as a lower one
FADE = 0.03  # of half the rate: a tone that rises to there fades, because a sudden end would be a click


def tone(contour: Contour, grid: Grid, n: int, start: float, phase: float) -> Array:
    """The sine of a contour as samples (n,); its first frame is at sample `start`, its phase there `phase`.

    Frequency and level are straight lines between frames. The tone begins and ends with half a hop of fade.
    """
    y, hop = np.zeros(n), grid.hop
    length, fade = (len(contour) - 1) * hop, hop / 2
    first, last = max(0, int(np.ceil(start - fade))), min(n, int(start + length + fade) + 1)
    if last <= first:
        return y
    t = np.arange(first, last) - start
    knots = np.arange(len(contour)) * hop
    frequency = np.interp(t, knots, contour.frequency_hz)
    amplitude = 10 ** (np.interp(t, knots, contour.level_db) / 20)
    amplitude *= np.clip((t + fade) / fade, 0, 1) * np.clip((length + fade - t) / fade, 0, 1)
    amplitude *= np.clip((HIGHEST - frequency / (grid.rate / 2)) / FADE, 0, 1)
    y[first:last] = amplitude * np.sin(2 * np.pi * np.cumsum(frequency) / grid.rate + phase)
    return y


def pulse_train(pulses: Pulses, grid: Grid, n: int, start: float, rng: np.random.Generator) -> Array:
    """Pulses as samples (n,). All pulses of a train share one response, because one animal makes them.

    The response is an impulse and a decaying noise, divided into bands; each pulse weighs the bands.
    """
    length = grid.pulse_samples
    y = np.zeros(n + 2 * length)
    if not len(pulses):
        return y[:n]
    decay = max(1.0, pulses.decay_s * grid.rate)
    lead = length // 4  # the bands ring before the impulse, too; at the start they would wrap to the end
    response = np.zeros(length)
    tail = np.arange(length - lead)
    response[lead:] = rng.standard_normal(len(tail)) * np.exp(-tail / decay / 2)
    response[lead] += np.sqrt(decay)
    shares = grid.pulse_shares
    parts = np.fft.irfft(np.sqrt(shares) * np.fft.rfft(response), n=length, axis=1)  # (bands, length)
    parts /= np.sqrt(np.square(parts).sum(axis=1, keepdims=True)) + 1e-12
    width = np.sqrt(shares.mean(axis=1))  # density times the width of the band is energy
    for time, spectrum in zip(pulses.time_s, pulses.spectrum_db, strict=True):
        at = round(start + time * grid.rate) - lead
        if -length < at < n:
            y[at + length : at + 2 * length] += (np.sqrt(powers(spectrum)) * width) @ parts
    return y[length : length + n]


def stationary_noise(spectrum_db: Array, grid: Grid, n: int, rng: np.random.Generator) -> Array:
    """Gaussian noise (n,) with the power density (bins,) dB, by one FFT: its lines stay narrow."""
    length = 1 << int(np.ceil(np.log2(n + grid.window)))
    place = np.linspace(0, grid.n_bins - 1, length // 2 + 1)
    gain = 10 ** (np.interp(place, np.arange(grid.n_bins), spectrum_db) / 20)
    out: Array = np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * gain, n=length)[:n]
    return out


def shaped_noise(level_db: Array, grid: Grid, n: int, rng: np.random.Generator) -> Array:
    """Gaussian noise (n,) with a power density (bins, frames) dB that changes over time.

    White noise is multiplied in the short-time transform; square roots of Hann windows overlap to a constant.
    """
    window, hop = grid.window, grid.hop
    root = np.sqrt(hann(window))
    spectra = np.fft.rfft(framed(rng.standard_normal(n), window, hop) * root, axis=1)
    spectra = spectra[: level_db.shape[1]]
    gain = np.where(level_db > QUIET_DB, 10 ** (level_db / 20), 0.0).T[: len(spectra)]
    pieces = np.fft.irfft(spectra * gain, n=window, axis=1) * root
    y = np.zeros(n + 2 * window)
    for k, piece in enumerate(pieces):
        y[k * hop : k * hop + window] += piece
    return y[window // 2 : window // 2 + n] / 2  # four windows overlap: their squares sum to 2
