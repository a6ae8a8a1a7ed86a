"""Sounds of the sea without a call: ships, sonar, shrimp, rain, knocks, hum.

    x = NOISES["ship"](rng, 48_000, 144_000)        # (n,) float64, of any level

Each is a sound of its kind with everything that differs between two of them drawn at random: pitch, rate,
duration, band. They are negative examples for the answer "none of these" (`training/negatives.py`). They need
to be of many kinds, not true to nature: a blade rate of 4 to 40 Hz (Urick 1983, "Principles of Underwater
Sound"), snaps of shrimp of a few tenths of a millisecond (Au & Banks 1998, J. Acoust. Soc. Am. 103:41), rain
with a broad peak around 15 kHz (Nystuen 1986, J. Acoust. Soc. Am. 79:972).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


def ship(rng: Rng, rate: int, n: int) -> Floats:
    """Lines at multiples of the blade rate, and cavitation that the blades modulate."""
    t = np.arange(n) / rate
    blades = _between(rng, 4, 40)
    lines = _harmonics(rng, t, rate, blades, int(rng.integers(5, 40)), rng.uniform(0.2, 1.0))
    falls = _between(rng, 100, 2000), rng.uniform(1.0, 2.5)
    hz = np.linspace(0, rate / 2, 257)
    cavitation = coloured(rng, 1 / (1 + (hz / falls[0]) ** falls[1]), n)
    cavitation *= 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * blades * t)
    return rng.uniform(0, 1) * lines / max(float(lines.std()), 1e-9) + cavitation


def lines(rng: Rng, rate: int, n: int) -> Floats:
    """A few steady tones that drift by less than a percent: machines, recorders."""
    t = np.arange(n) / rate
    out = np.zeros(n)
    for _ in range(int(rng.integers(1, 8))):
        hz = _between(rng, max(20.0, rate / 2000), rate * TOP)
        drift = 0.005 * hz * rng.normal()
        out += rng.exponential() * np.sin(2 * np.pi * (hz * t + drift * t * t / 2) + _phase(rng))
    return out


def hum(rng: Rng, rate: int, n: int) -> Floats:
    """Mains or a generator: a low tone with harmonics."""
    low = float(rng.choice([50.0, 60.0, 400.0, _between(rng, 30, 300)]))
    return _harmonics(rng, np.arange(n) / rate, rate, low, int(rng.integers(3, 30)), rng.uniform(0, 1))


def shrimp(rng: Rng, rate: int, n: int) -> Floats:
    """Snaps at random times, a few or a few hundred each second, few of them loud."""
    out = np.zeros(n)
    for at in rng.integers(0, n, rng.poisson(_between(rng, 3, 400) * n / rate)).tolist():
        snap = _ring(rng, rate, _between(rng, 2000, 30_000), _between(rng, 5e-5, 5e-4))
        _add(out, at, snap, rng.pareto(1.5) + 0.1)
    return out


def rain(rng: Rng, rate: int, n: int) -> Floats:
    """Noise with a broad peak at 3 to 16 kHz that swells and fades."""
    octaves = np.log2(np.maximum(np.linspace(0, rate / 2, 513), 1.0) / _between(rng, 3000, 16_000))
    peak = np.exp(-0.5 * (octaves / rng.uniform(0.5, 1.5)) ** 2) + 1e-4
    return coloured(rng, peak, n) * _swell(rng, n, 12, 0.3)


def gusts(rng: Rng, rate: int, n: int) -> Floats:
    """Wind, waves, flow, rubbing: low noise that swells and fades."""
    falls = _between(rng, 30, 3000), rng.uniform(1.0, 3.0)
    power = 1 / (1 + (np.linspace(0, rate / 2, 513) / falls[0]) ** falls[1])
    return coloured(rng, power, n) * _swell(rng, n, int(rng.integers(3, 20)), rng.uniform(0.3, 1.5))


def sonar(rng: Rng, rate: int, n: int) -> Floats:
    """Pings of one tone or a sweep at a fixed period, each with its reverberation."""
    duration = _between(rng, 0.02, 1.5)
    t = np.arange(max(8, int(duration * rate))) / rate
    hz = min(_between(rng, 800, 12_000), rate * 0.4)
    sweep = hz * rng.choice([0.0, 0.0, rng.uniform(-0.3, 0.3)]) / duration
    rise = np.minimum(1, np.minimum(np.arange(len(t)), np.arange(len(t))[::-1]) / (len(t) / 20))
    ping = np.sin(2 * np.pi * (hz * t + sweep * t * t / 2)) * rise
    tail = rng.normal(size=int(rate * _between(rng, 0.1, 1.0)) + 1)
    echo = tail * np.exp(-np.arange(len(tail)) / (len(tail) / 5)) * rng.uniform(0, 0.05)
    echo[0] = 1.0
    size = fft.next_fast_len(len(ping) + len(echo) - 1, real=True)
    received = fft.irfft(fft.rfft(ping, size) * fft.rfft(echo, size), size)[: len(ping) + len(echo) - 1]
    period = _between(rng, max(0.3, duration), max(8.0, duration + 0.1))
    return _repeated(rng, received, n, period * rate, early=len(received) // 2)


def pinger(rng: Rng, rate: int, n: int) -> Floats:
    """Short pulses of a high tone at a fixed period: pingers, echo sounders, modems."""
    pulse = _ring(rng, rate, _between(rng, 5000, 60_000), _between(rng, 5e-4, 1e-2))
    return _repeated(rng, pulse, n, _between(rng, 0.05, 3.0) * rate)


def knocks(rng: Rng, rate: int, n: int) -> Floats:
    """Chains, moorings, the recorder's own frame: a few strokes that ring at several pitches."""
    out = np.zeros(n)
    for at in rng.integers(0, n, int(rng.integers(1, 12))).tolist():
        hz = _between(rng, 30, 3000)
        for _ in range(int(rng.integers(1, 5))):
            tone = _ring(rng, rate, hz * rng.uniform(1, 4), _between(rng, 0.003, 0.15))
            _add(out, at, tone, rng.exponential())
    return out


def grunts(rng: Rng, rate: int, n: int) -> Floats:
    """Fish: trains of low pulses of one shape."""
    out = np.zeros(n)
    pulse = _ring(rng, rate, _between(rng, 60, 1000), _between(rng, 0.003, 0.02))
    for at in rng.integers(0, n, int(rng.integers(1, 6))).tolist():
        period = _between(rng, 0.008, 0.15) * rate
        for k in range(int(rng.integers(1, 15))):
            _add(out, at + int(k * period * (1 + 0.05 * rng.normal())), pulse, rng.uniform(0.6, 1.0))
    return out


NOISES: dict[str, Callable[[Rng, int, int], Floats]] = {
    "ship": ship,
    "lines": lines,
    "hum": hum,
    "shrimp": shrimp,
    "rain": rain,
    "gusts": gusts,
    "sonar": sonar,
    "pinger": pinger,
    "knocks": knocks,
    "grunts": grunts,
}


def _between(rng: Rng, low: float, high: float) -> float:
    """A number that is drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _phase(rng: Rng) -> float:
    return float(rng.uniform(0, 2 * np.pi))


def _harmonics(rng: Rng, t: Floats, rate: int, hz: float, most: int, fall: float) -> Floats:
    """Tones at the multiples of `hz`, whose amplitudes fall as k^-fall."""
    out = np.zeros(len(t))
    for k in range(1, most):
        if hz * k > rate * TOP:
            break
        out += rng.exponential() * k**-fall * np.sin(2 * np.pi * hz * k * t + _phase(rng))
    return out


def _ring(rng: Rng, rate: int, hz: float, decay_s: float) -> Floats:
    """A tone that dies away."""
    t = np.arange(max(4, int(6 * decay_s * rate))) / rate
    return np.exp(-t / decay_s) * np.sin(2 * np.pi * min(hz, rate * 0.4) * t + _phase(rng))


def _swell(rng: Rng, n: int, knots: int, depth: float) -> Floats:
    """A gain (n,) that moves between random levels."""
    return np.exp(depth * np.interp(np.arange(n), np.linspace(0, n, knots), rng.normal(size=knots)))


def _repeated(rng: Rng, sound: Floats, n: int, period: float, early: int = 0) -> Floats:
    """A sound again and again; the first one begins up to `early` samples before the start."""
    out = np.zeros(n)
    for at in _times(int(rng.integers(-early, max(1, min(int(period), n)))), max(1, int(period)), n):
        _add(out, at, sound)
    return out


def _times(first: int, step: int, stop: int) -> Iterator[int]:
    yield from range(first, stop, step)


def _add(out: Floats, at: int, sound: Floats, gain: float = 1.0) -> None:
    """Add the part of a sound that lies inside."""
    first, last = max(at, 0), min(at + len(sound), len(out))
    if last > first:
        out[first:last] += gain * sound[first - at : last - at]
