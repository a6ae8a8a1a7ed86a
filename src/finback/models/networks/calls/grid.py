"""Sizes and transforms that the analysis and the synthesis of calls share.

All sizes follow from a `FeatureSpec`: the window is about half its n_fft, the hop a quarter of the window.
At 22,050 Hz these are 46 and 12 ms. Pulses are found with windows that are four times shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finback.features.spec import FeatureSpec

Array = NDArray[np.float64]
SMALLEST = 1e-14  # power: -140 dB re full scale
N_BANDS = 64
N_PULSE_BANDS = 48
PULSE_S = 2048 / 22_050  # length of a pulse relative to the clock of 22,050 Hz


def decibels(power: Array) -> Array:
    """Power to dB, at least -140."""
    out: Array = 10 * np.log10(np.maximum(power, SMALLEST))
    return out


def powers(db: Array) -> Array:
    """dB to power."""
    out: Array = 10 ** (np.asarray(db, dtype=np.float64) / 10)
    return out


def mel(hz: Array) -> Array:
    """Hz to the scale of the bands (O'Shaughnessy 1987)."""
    out: Array = np.log10(1 + np.asarray(hz, dtype=np.float64) / 700)
    return out


@dataclass(frozen=True)
class Grid:
    """The sizes for waves of one rate: a window and a hop in samples, bands over all frequencies."""

    rate: int  # Hz
    window: int  # samples, a multiple of 16

    @classmethod
    def of(cls, spec: FeatureSpec) -> Grid:
        """The sizes for a spec: a window of half its n_fft, rounded to a power of two, at least 64."""
        return cls(spec.sample_rate, max(64, 1 << int(np.log2(spec.n_fft / 2) + 0.5)))

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return self.window // 4

    @property
    def n_bins(self) -> int:
        """Frequencies of the transform of a window."""
        return self.window // 2 + 1

    @property
    def pulse_window(self) -> int:
        """Samples of the short windows."""
        return self.window // 4

    @property
    def pulse_hop(self) -> int:
        """Samples between the short windows."""
        return self.window // 16

    @property
    def pulse_samples(self) -> int:
        """Length of the response of a pulse."""
        return 2 * self.window

    @cached_property
    def bin_hz(self) -> Array:
        """(bins,) Hz."""
        return frequencies(self.window, self.rate)

    @cached_property
    def band_hz(self) -> Array:
        """(N_BANDS,) centre of each band, Hz."""
        return band_edges(N_BANDS, self.rate)[1:-1]

    @cached_property
    def bands(self) -> Array:
        """(N_BANDS, bins) the weights with which a band averages the bins; each row sums to 1."""
        return band_weights(N_BANDS, self.window, self.rate)

    @cached_property
    def pulse_bands(self) -> Array:
        """(N_PULSE_BANDS, bins of the short window) the same for pulses."""
        return band_weights(N_PULSE_BANDS, self.pulse_window, self.rate)

    @cached_property
    def pulse_shares(self) -> Array:
        """(N_PULSE_BANDS, bins of a response) share of each bin that is in a band; columns sum to 1."""
        n = self.pulse_samples
        hz = frequencies(n, self.rate)
        place = np.interp(mel(hz), mel(band_edges(N_PULSE_BANDS, self.rate)[1:-1]), np.arange(N_PULSE_BANDS))
        out: Array = np.maximum(0, 1 - np.abs(place[None] - np.arange(N_PULSE_BANDS)[:, None]))
        return out

    def power(self, x: Array) -> Array:
        """Samples (n,) -> (bins, frames), frame k around sample k hop; white noise of variance 1 is 1."""
        return power(x, self.window, self.hop)

    def pulse_power(self, x: Array) -> Array:
        """The same with the short windows."""
        return power(x, self.pulse_window, self.pulse_hop)

    def to_bins(self, levels: Array) -> Array:
        """Levels at the centres of the bands (N_BANDS, ...) -> at the bins (bins, ...), by interpolation."""
        return interpolated(levels, np.interp(mel(self.bin_hz), mel(self.band_hz), np.arange(N_BANDS)))

    def shifted(self, levels: Array, ratio: float) -> Array:
        """Levels (N_BANDS, ...) with all frequencies multiplied by `ratio`."""
        return interpolated(
            levels, np.interp(mel(self.band_hz / ratio), mel(self.band_hz), np.arange(N_BANDS))
        )


def frequencies(n: int, rate: int) -> Array:
    """(n / 2 + 1,) Hz of the bins of a transform of n samples."""
    return np.linspace(0.0, rate / 2, n // 2 + 1)


def hann(n: int) -> Array:
    """(n,) periodic Hann window."""
    out: Array = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    return out


def framed(x: Array, window: int, hop: int) -> Array:
    """(n,) -> (frames, window), centred; the ends are mirrored, so that an end is no click."""
    half = window // 2
    padded = np.pad(x, half, mode="reflect" if len(x) > half else "wrap")
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]


def power(x: Array, window: int, hop: int) -> Array:
    """(n,) -> (window / 2 + 1, frames) power density; white noise of variance 1 has power 1."""
    w = hann(window)
    out: Array = np.square(np.abs(np.fft.rfft(framed(x, window, hop) * w, axis=1))).T / np.square(w).sum()
    return out


def band_edges(n_bands: int, rate: int) -> Array:
    """(n_bands + 2,) Hz, evenly spaced on the mel scale from 0 to half the rate."""
    steps = np.linspace(0, float(mel(np.array(rate / 2))), n_bands + 2)
    out: Array = 700 * (10**steps - 1)
    return out


def band_weights(n_bands: int, window: int, rate: int) -> Array:
    """(n_bands, bins) triangles over the edges, at least a bin wide to each side; rows sum to 1."""
    edges, hz, width = band_edges(n_bands, rate), frequencies(window, rate), rate / window
    centre = edges[1:-1, None]
    low = np.minimum(edges[:-2, None], centre - width)
    high = np.maximum(edges[2:, None], centre + width)
    weights = np.clip(np.minimum((hz - low) / (centre - low), (high - hz) / (high - centre)), 0, None)
    out: Array = weights / weights.sum(axis=1, keepdims=True)
    return out


def interpolated(levels: Array, places: Array) -> Array:
    """Rows of (n, ...) at places between 0 and n - 1, (m,) -> (m, ...)."""
    first = np.minimum(places.astype(int), max(0, len(levels) - 2))
    share = (places - first).reshape(-1, *[1] * (levels.ndim - 1))
    out: Array = levels[first] * (1 - share) + levels[np.minimum(first + 1, len(levels) - 1)] * share
    return out
