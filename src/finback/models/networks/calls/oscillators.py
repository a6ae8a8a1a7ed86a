"""From numbers to samples: tones by integration of their frequency, pulses at exact times, shaped noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.models.networks.calls.grid import Array, Grid, framed, hann, powers
from finback.models.networks.calls.sounds import QUIET_DB, Contour, Pulses

HIGHEST = 1.0  # of half the rate: a tone above is silent, because it would come back as a lower one
FADE = 0.01  # of half the rate: a tone that rises to there fades, because a sudden end would be a click


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
    """Pulses as samples (n,). Half of the response is common to a train, because one animal makes it.

    A response is an impulse and a decaying noise, divided into bands; each pulse weighs the bands. The other
    half is another noise for each pulse: no two clicks arrive by the same paths.
    """
    length = grid.pulse_samples
    y = np.zeros(n + 2 * length)
    if not len(pulses):
        return y[:n]
    decay = max(1.0, pulses.decay_s * grid.rate)
    lead = length // 4  # the bands ring before the impulse, too; at the start they would wrap to the end
    tail = np.arange(length - lead)
    fall = np.exp(-tail / decay / 2)

    def response() -> Array:
        own = np.zeros(length)
        own[lead:] = rng.standard_normal(len(tail)) * fall
        own[lead] += np.sqrt(decay)
        return own

    common, roots = response(), np.sqrt(grid.pulse_shares)
    width = np.sqrt(grid.pulse_shares.mean(axis=1))  # density times the width of the band is energy
    for time, spectrum in zip(pulses.time_s, pulses.spectrum_db, strict=True):
        at = round(start + time * grid.rate) - lead
        transform = np.fft.rfft(common + response())
        energy = _band_energies(transform, roots)
        if -length < at < n:
            gain = np.sqrt(powers(spectrum) / np.maximum(energy, 1e-12)) * width
            y[at + length : at + 2 * length] += np.fft.irfft(transform * (gain @ roots), n=length)
    return y[length : length + n]


def _band_energies(transform: NDArray[np.complex128], roots: Array) -> Array:
    """(bands,) energy of a response, given by its transform, in bands of the weights `roots` squared."""
    out: Array = 2 * np.square(roots) @ np.square(np.abs(transform)) / (2 * (len(transform) - 1))
    return out


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
