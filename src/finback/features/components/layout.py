"""The bands and frames of a spec in the units that tones and clicks are measured in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from finback.features.mel import band_centres_hz, band_edges_hz, filterbank
from finback.features.spec import FeatureSpec

Array = NDArray[np.float64]
STEADY_BINS = 4.0  # independent bins of a band whose power is steady enough in noise
LOBE_BINS = 2.0  # half the main lobe of a Hann window


@dataclass(frozen=True, eq=False)
class Layout:
    """Constants of one spec. `from_power` turns band powers into energies of triangles of height 1.

    Triangles of height 1 add up to 1 at every frequency between the middles of the first and the last band,
    and to the frequency itself when each is multiplied by its middle. So the sum of the energies of a lobe is
    its energy, and their centroid is its frequency, exactly, wherever in the bands it lies.
    """

    centres_hz: Array  # (M,)
    from_power: Array  # (M,)
    reach: int  # bands from the middle of a steady tone to where it has no power
    lines: Array  # (M, n_bins) straight lines from band to band
    per_bin: Array  # (M,) energy of a triangle of a spectrum that is 1 in every bin
    inside: Array  # (few,) share of the energy of the first windows that lies after the start of the sound
    steady: Array  # (M,) 0 to 1: bands of few bins fluctuate in noise as they do in a click
    gain: float  # energy of the spectrum of a sine / its squared amplitude


@lru_cache(maxsize=8)
def layout(spec: FeatureSpec) -> Layout:
    """The constants of a spec, computed once."""
    edges = band_edges_hz(spec.n_mels, spec.f_min, spec.top_hz)
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    bank = filterbank(spec.sample_rate, spec.n_fft, spec.n_mels, spec.f_min, spec.top_hz).astype(np.float64)
    from_power = (edges[2:] - edges[:-2]) / 2
    bin_hz = spec.sample_rate / spec.n_fft
    reach = int(np.ceil(1 + LOBE_BINS * bin_hz / np.median(np.diff(centres))))
    used = np.flatnonzero(bank.any(axis=1))
    hz = np.fft.rfftfreq(spec.n_fft, 1 / spec.sample_rate)
    lines = np.zeros(bank.shape)
    for i, band in enumerate(used):
        lines[band] = np.interp(hz, centres[used], np.eye(len(used))[i])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.n_fft) / spec.n_fft)
    after = np.cumsum(window[::-1] ** 2) / np.sum(window**2)  # of the window's last samples
    cut = np.arange(spec.n_fft // 2, spec.n_fft, spec.hop)
    gain = spec.n_fft * float(np.sum(window**2)) / 4
    squares = np.maximum((bank**2).sum(axis=1), 1e-30)
    independent = bank.sum(axis=1) ** 2 / squares / 1.5  # bins; a Hann window correlates neighbours
    per_bin = np.maximum(bank.sum(axis=1) * from_power, 1e-12)
    return Layout(
        centres,
        from_power,
        reach,
        lines,
        per_bin,
        after[cut - 1],
        np.minimum(independent / STEADY_BINS, 1),
        gain,
    )


def valley(
    energy: Array, reach: NDArray[np.intp] | int, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Array:
    """What lies beside points of `energy` (F, M) along its columns: the higher of the minima of both sides.

    The minimum of a side is that of the two values `reach` and `reach` + 1 away. Beyond an edge there is no
    side.
    """
    n = energy.shape[1]
    sides = []
    for sign in (-1, 1):
        values = []
        for extra in (0, 1):
            at = columns + sign * (reach + extra)
            inside = (at >= 0) & (at < n)
            values.append(np.where(inside, energy[rows, np.clip(at, 0, n - 1)], np.inf))
        lowest = np.minimum(*values)
        sides.append(np.where(np.isfinite(lowest), lowest, 0.0))
    return np.maximum(*sides)
