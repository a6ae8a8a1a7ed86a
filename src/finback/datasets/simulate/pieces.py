"""Pieces of simulated sounds: coloured noise, a tone that dies away, a sound again and again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]
Rng = np.random.Generator
TOP = 0.45  # of the sample rate: the highest frequency of a tone


def coloured(rng: Rng, power: np.ndarray, n: int) -> Floats:
    """(n,) Gaussian noise of variance 1 with a power spectrum (F,) from 0 Hz to half the sample rate."""
    size = fft.next_fast_len(max(n, 2), real=True)
    bins = size // 2 + 1
    at = np.linspace(0.0, 1.0, bins)
    amplitude = np.sqrt(np.interp(at, np.linspace(0.0, 1.0, len(power)), power))
    x = fft.irfft((rng.normal(size=bins) + 1j * rng.normal(size=bins)) * amplitude, size)[:n]
    return np.asarray(x / max(float(x.std()), 1e-12))


def between(rng: Rng, low: float, high: float) -> float:
    """A number that is drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def phase(rng: Rng) -> float:
    return float(rng.uniform(0, 2 * np.pi))


def harmonics(rng: Rng, t: Floats, rate: int, hz: float, most: int, fall: float) -> Floats:
    """Tones at the multiples of `hz`, whose amplitudes fall as k^-fall."""
    out = np.zeros(len(t))
    for k in range(1, most):
        if hz * k > rate * TOP:
            break
        out += rng.exponential() * k**-fall * np.sin(2 * np.pi * hz * k * t + phase(rng))
    return out


def ring(rng: Rng, rate: int, hz: float, decay_s: float) -> Floats:
    """A tone that dies away."""
    t = np.arange(max(4, int(6 * decay_s * rate))) / rate
    return np.exp(-t / decay_s) * np.sin(2 * np.pi * min(hz, rate * 0.4) * t + phase(rng))


def swell(rng: Rng, n: int, knots: int, depth: float) -> Floats:
    """A gain (n,) that moves between random levels."""
    return np.exp(depth * np.interp(np.arange(n), np.linspace(0, n, knots), rng.normal(size=knots)))


def repeated(rng: Rng, sound: Floats, n: int, period: float, early: int = 0) -> Floats:
    """A sound again and again; the first one begins up to `early` samples before the start."""
    out = np.zeros(n)
    for at in _times(int(rng.integers(-early, max(1, min(int(period), n)))), max(1, int(period)), n):
        add(out, at, sound)
    return out


def _times(first: int, step: int, stop: int) -> Iterator[int]:
    yield from range(first, stop, step)


def add(out: Floats, at: int, sound: Floats, gain: float = 1.0) -> None:
    """Add the part of a sound that lies inside."""
    first, last = max(at, 0), min(at + len(sound), len(out))
    if last > first:
        out[first:last] += gain * sound[first - at : last - at]
