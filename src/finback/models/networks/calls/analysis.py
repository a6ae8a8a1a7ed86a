"""Samples of a clip to its scene: background, calls, and the time between the calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from finback.models.networks.calls.envelope import floor_of, rest, swell
from finback.models.networks.calls.grid import Array, Grid, decibels, powers
from finback.models.networks.calls.oscillators import pulse_train, tone
from finback.models.networks.calls.pulses import pulses
from finback.models.networks.calls.ridges import SHORT, contours
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses, Scene

ACTIVE_DB = 2.5  # mean level of the rest over all bands, above its 15 % quantile
MERGE, MARGIN, SHORTEST = 8, 2, 3  # frames: between parts of one call; around a call; of a call


def analyse(samples: NDArray[np.floating], grid: Grid, species: int = 0, tape: int = 0) -> Scene:
    """One window of a clip, samples (n,) -> its scene."""
    x: Array = samples.astype(np.float64)
    spectrogram = grid.power(x)
    floor = floor_of(spectrogram)
    tones, clicks = contours(x, spectrogram, floor, grid), pulses(x, grid)
    rng = np.random.default_rng(0)
    made = pulse_train(clicks, grid, len(x), 0.0, rng)
    for contour in tones:
        made += tone(contour, grid, len(x), contour.start * grid.hop, 0.0)
    over = rest(spectrogram, grid.power(made), floor, grid)
    spans = _spans(over, tones, clicks, grid)
    calls = tuple(_call(span, tones, clicks, over, floor, grid) for span in spans)
    ends = [0, *(stop for _, stop in spans)]
    starts = [*(start for start, _ in spans), over.shape[1]]
    quiet = np.ones(over.shape[1], dtype=bool)
    for start, stop in spans:
        quiet[start:stop] = False
    gaps = tuple(start - stop for start, stop in zip(starts, ends, strict=True))
    return Scene(
        species, tape, floor, decibels(grid.bands @ powers(floor)), calls, gaps, swell(over, quiet, grid)
    )


def _spans(over: Array, tones: list[Contour], clicks: Pulses, grid: Grid) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each call: where anything is above the background."""
    n = over.shape[1]
    level = gaussian_filter1d(np.maximum(over, 0).mean(axis=0), 1.5)
    active = level > np.quantile(level, 0.15) + ACTIVE_DB
    for contour in tones:
        if len(contour) >= SHORT:
            active[contour.start : contour.start + len(contour)] = True
    for frame in (clicks.time_s * grid.rate / grid.hop).astype(int):
        active[max(0, frame - 2) : frame + 4] = True
    edges = np.flatnonzero(np.diff(np.r_[0, active.astype(int), 0]))
    merged: list[list[int]] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if merged and start - merged[-1][1] < MERGE:
            merged[-1][1] = stop
        else:
            merged.append([start, stop])
    long = [(a, b) for a, b in merged if b - a >= SHORTEST]
    return [(max(0, a - MARGIN), min(n, b + MARGIN)) for a, b in long]


def _call(
    span: tuple[int, int], tones: list[Contour], clicks: Pulses, over: Array, floor: Array, grid: Grid
) -> Call:
    """The contours, pulses and noise within a span of frames."""
    start, stop = span
    own = [replace(c, start=c.start - start) for c in tones if start <= c.start + len(c) / 2 < stop]
    first, last = start * grid.hop / grid.rate, stop * grid.hop / grid.rate
    inside = (clicks.time_s >= first) & (clicks.time_s < last)
    band_floor = grid.bands @ powers(floor)
    excess = np.maximum(powers(over[:, start:stop]) - 1, 0) * band_floor[:, None]
    noise = np.where(excess > 0, decibels(excess), QUIET_DB)
    train = Pulses(clicks.time_s[inside] - first, clicks.spectrum_db[inside], clicks.decay_s)
    return Call(tuple(numbered(own)), train, noise)


def numbered(tones: list[Contour]) -> list[Contour]:
    """Contours with their numbers in one harmonic series, as far as there is one.

    The fundamental is the one of the lowest contour divided by 1 to 4 that fits most contours within 4 %.
    """
    if not tones:
        return []
    means = np.array([np.median(c.frequency_hz) for c in tones])
    best, numbers = 0, np.zeros(len(tones), dtype=int)
    for divisor in range(1, 5):
        ratio = means / (means.min() / divisor)
        fits = np.abs(ratio - np.round(ratio)) < 0.04 * np.minimum(np.round(ratio), 5)
        if fits.sum() > best:
            best, numbers = int(fits.sum()), np.where(fits, np.round(ratio), 0).astype(int)
    return [replace(c, harmonic=int(k)) for c, k in zip(tones, numbers, strict=True)]
