"""Clicks of a mel spectrogram, placed within frames by the energies of neighbouring frames.

The energy of a click in a frame is that of its spectrum times the square of the window where the click is.
With a Hann window of N samples, that square is cos^4(pi u / N) for a click u samples after the middle of the
frame. cos^4 y = 3/8 + cos(2y) / 2 + cos(4y) / 8, so with frames j a hop apart, h = pi hop / N and
x = pi u / N, the sum of cos^4(x - j h) exp(2 i h j) over the frames that a click touches is a multiple of
exp(2 i x), exactly, if the hop is N / 4 or a smaller part of N. Its angle is the place of the click. The sum
is linear in the energies, so that a longer click is placed at the middle of its energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finback.features.components.layout import Array, Layout
from finback.features.spec import FeatureSpec

CLEAR_DB = 9.0  # a band takes part in a click when it stands out so far from the frames around it
FEWEST = 0.15  # share of the bands that take part
WIDEST = 1.2  # energy over all frames, over that of a click of no length
LONGEST = 4  # n_fft / the length of a click's response


@dataclass(frozen=True, eq=False)
class Clicks:
    """Clicks: their times (n,) in samples, and their energy (n, M) in bands that no window weakens."""

    samples: Array
    spectra: Array
    energy: Array  # (F, M) what they have in the bands of each frame


def find_clicks(energy: Array, spec: FeatureSpec, kit: Layout) -> Clicks | None:
    """The clicks in the energies (F, M) of bands; None if there are none."""
    n_frames = len(energy)
    if 4 * spec.hop > spec.n_fft:
        return None
    h = np.pi * spec.hop / spec.n_fft
    far = max(1, int(np.ceil(0.5 * spec.n_fft / spec.hop)))  # frames from a click to where it has no power
    beside = _beside(energy, far)
    above = np.maximum(energy - beside, 0)
    # Frames `far` away hold at most a fortieth of a click, but most of a slow swell of noise.
    around = np.pad(energy, ((far, far), (0, 0)))
    higher = np.maximum(around[:n_frames], around[2 * far :])
    takes = energy > 10 ** (CLEAR_DB / 10) * np.maximum(higher, 1e-30)
    strength = np.where(takes, np.log(np.maximum(energy, 1e-30) / np.maximum(beside, 1e-30)), 0.0).sum(axis=1)
    padded = np.pad(strength, far, constant_values=-1.0)
    around = np.stack([padded[i : i + n_frames] for i in range(2 * far + 1)])
    # A click between two frames is as strong in both: the first is taken.
    top = (strength >= around.max(axis=0)) & ((takes * kit.steady).mean(axis=1) >= FEWEST)
    # The windows of the first and the last frames are cut, so that any sound begins there like a click.
    top[:far] = top[n_frames - far :] = False
    found = [c for c in np.flatnonzero(top) if not top[max(0, c - far) : c].any()]
    times, spectra = [], []
    own = np.zeros_like(energy)
    steps = np.arange(-far, far + 1)
    for c in found:
        at = c + steps
        inside = (at >= 0) & (at < n_frames)
        rows = np.where(inside[:, None], above[np.clip(at, 0, n_frames - 1)], 0.0)[:, takes[c]]
        # By the root of its energy: neither the loudest band alone counts, nor do faint ones as much.
        shares = (rows / np.sqrt(rows[far])).sum(axis=1)
        x = _offset(shares, far, h)
        window = np.where(np.abs(x - h * steps) < np.pi / 2, np.cos(x - h * steps), 0.0) ** 4
        if (shares[inside].sum() / shares[far]) > WIDEST * (window[inside].sum() / window[far]):
            continue
        spectrum = np.where(takes[c], above[c], 0.0) / window[far]
        times.append(c * spec.hop + x * spec.n_fft / np.pi)
        spectra.append(spectrum)
        r = at[inside]
        # What lies beside the click in time goes on beneath it.
        own[r] += np.minimum(window[inside, None] * spectrum, np.maximum(energy[r] - beside[c], 0))
    if not times:
        return None
    return Clicks(np.array(times), np.stack(spectra), np.minimum(own, energy))


def _beside(energy: Array, far: int) -> Array:
    """What lies beside the frames of (F, M): of each side the lower of two, of both sides the higher."""
    n_frames = len(energy)
    padded = np.pad(energy, ((far + 1, far + 1), (0, 0)), constant_values=np.inf)
    before = np.minimum(padded[:n_frames], padded[1 : n_frames + 1])
    after = np.minimum(padded[2 * far + 1 : 2 * far + 1 + n_frames], padded[2 * far + 2 :])
    sides = np.where(np.isfinite(before), before, 0.0), np.where(np.isfinite(after), after, 0.0)
    return np.maximum(*sides)


def _offset(shares: Array, far: int, h: float) -> float:
    """x = pi u / N of a click from its energies (2 far + 1,) in the frames around it."""
    turns = np.exp(2j * h * np.arange(-far, far + 1))
    return float(np.clip(np.angle(np.sum(shares * turns)) / 2, -h, h))


def sound(clicks: Clicks, spec: FeatureSpec, kit: Layout, length: int) -> Array:
    """The wave (length,) of the clicks: of each a pulse without phases, with these bands."""
    out = np.zeros(length + 2 * spec.n_fft)
    size = max(8, spec.n_fft // LONGEST)
    taper = np.zeros(spec.n_fft)
    taper[: size // 2] = 0.5 + 0.5 * np.cos(2 * np.pi * np.arange(size // 2) / size)
    taper[-(size // 2) + 1 :] = taper[1 : size // 2][::-1]
    turn = -2j * np.pi * np.fft.rfftfreq(spec.n_fft)
    for time, spectrum in zip(clicks.samples, clicks.spectra, strict=True):
        density = np.maximum(spectrum, spectrum.max() * 1e-8) / kit.per_bin
        magnitude = np.exp(np.log(density) @ kit.lines / 2)
        pulse = np.fft.irfft(magnitude) * taper
        whole = int(np.floor(time))
        spectra = np.fft.rfft(pulse) * np.exp(turn * (time - whole + spec.n_fft // 2))
        first = whole - spec.n_fft // 2 + spec.n_fft
        out[first : first + spec.n_fft] += np.fft.irfft(spectra)
    return out[spec.n_fft : spec.n_fft + length]
