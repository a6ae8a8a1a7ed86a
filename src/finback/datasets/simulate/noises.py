"""Sounds of the sea without a call: ships, sonar, shrimp, rain, knocks, hum.

    x = NOISES["ship"](rng, 48_000, 144_000)        # (n,) float64, of any level

Each is a sound of its kind with everything that differs between two of them drawn at random: pitch, rate,
duration, band. They are negative examples for the answer "none of these" (`training/negatives.py`). They need
to be of many kinds, not true to nature: a blade rate of 4 to 40 Hz (Urick 1983, "Principles of Underwater
Sound"), snaps of shrimp of a few tenths of a millisecond (Au & Banks 1998, J. Acoust. Soc. Am. 103:41), rain
with a broad peak around 15 kHz (Nystuen 1986, J. Acoust. Soc. Am. 79:972).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from finback.datasets.simulate.pieces import (
    TOP,
    Floats,
    Rng,
    add,
    between,
    coloured,
    harmonics,
    phase,
    repeated,
    ring,
    swell,
)


def ship(rng: Rng, rate: int, n: int) -> Floats:
    """Lines at multiples of the blade rate, and cavitation that the blades modulate."""
    t = np.arange(n) / rate
    blades = between(rng, 4, 40)
    lines = harmonics(rng, t, rate, blades, int(rng.integers(5, 40)), rng.uniform(0.2, 1.0))
    falls = between(rng, 100, 2000), rng.uniform(1.0, 2.5)
    hz = np.linspace(0, rate / 2, 257)
    cavitation = coloured(rng, 1 / (1 + (hz / falls[0]) ** falls[1]), n)
    cavitation *= 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * blades * t)
    return rng.uniform(0, 1) * lines / max(float(lines.std()), 1e-9) + cavitation


def lines(rng: Rng, rate: int, n: int) -> Floats:
    """A few steady tones that drift by less than a percent: machines, recorders."""
    t = np.arange(n) / rate
    out = np.zeros(n)
    for _ in range(int(rng.integers(1, 8))):
        hz = between(rng, max(20.0, rate / 2000), rate * TOP)
        drift = 0.005 * hz * rng.normal()
        out += rng.exponential() * np.sin(2 * np.pi * (hz * t + drift * t * t / 2) + phase(rng))
    return out


def hum(rng: Rng, rate: int, n: int) -> Floats:
    """Mains or a generator: a low tone with harmonics."""
    low = float(rng.choice([50.0, 60.0, 400.0, between(rng, 30, 300)]))
    return harmonics(rng, np.arange(n) / rate, rate, low, int(rng.integers(3, 30)), rng.uniform(0, 1))


def shrimp(rng: Rng, rate: int, n: int) -> Floats:
    """Snaps at random times, a few or a few hundred each second, few of them loud."""
    out = np.zeros(n)
    for at in rng.integers(0, n, rng.poisson(between(rng, 3, 400) * n / rate)).tolist():
        snap = ring(rng, rate, between(rng, 2000, 30_000), between(rng, 5e-5, 5e-4))
        add(out, at, snap, rng.pareto(1.5) + 0.1)
    return out


def rain(rng: Rng, rate: int, n: int) -> Floats:
    """Noise with a broad peak at 3 to 16 kHz that swells and fades."""
    octaves = np.log2(np.maximum(np.linspace(0, rate / 2, 513), 1.0) / between(rng, 3000, 16_000))
    peak = np.exp(-0.5 * (octaves / rng.uniform(0.5, 1.5)) ** 2) + 1e-4
    return coloured(rng, peak, n) * swell(rng, n, 12, 0.3)


def gusts(rng: Rng, rate: int, n: int) -> Floats:
    """Wind, waves, flow, rubbing: low noise that swells and fades."""
    falls = between(rng, 30, 3000), rng.uniform(1.0, 3.0)
    power = 1 / (1 + (np.linspace(0, rate / 2, 513) / falls[0]) ** falls[1])
    return coloured(rng, power, n) * swell(rng, n, int(rng.integers(3, 20)), rng.uniform(0.3, 1.5))


def sonar(rng: Rng, rate: int, n: int) -> Floats:
    """Pings of one tone or a sweep at a fixed period, each with its reverberation."""
    duration = between(rng, 0.02, 1.5)
    t = np.arange(max(8, int(duration * rate))) / rate
    hz = min(between(rng, 800, 12_000), rate * 0.4)
    sweep = hz * rng.choice([0.0, 0.0, rng.uniform(-0.3, 0.3)]) / duration
    rise = np.minimum(1, np.minimum(np.arange(len(t)), np.arange(len(t))[::-1]) / (len(t) / 20))
    ping = np.sin(2 * np.pi * (hz * t + sweep * t * t / 2)) * rise
    tail = rng.normal(size=int(rate * between(rng, 0.1, 1.0)) + 1)
    echo = tail * np.exp(-np.arange(len(tail)) / (len(tail) / 5)) * rng.uniform(0, 0.05)
    echo[0] = 1.0
    size = fft.next_fast_len(len(ping) + len(echo) - 1, real=True)
    received = fft.irfft(fft.rfft(ping, size) * fft.rfft(echo, size), size)[: len(ping) + len(echo) - 1]
    period = between(rng, max(0.3, duration), max(8.0, duration + 0.1))
    return repeated(rng, received, n, period * rate, early=len(received) // 2)


def pinger(rng: Rng, rate: int, n: int) -> Floats:
    """Short pulses of a high tone at a fixed period: pingers, echo sounders, modems."""
    pulse = ring(rng, rate, between(rng, 5000, 60_000), between(rng, 5e-4, 1e-2))
    return repeated(rng, pulse, n, between(rng, 0.05, 3.0) * rate)


def knocks(rng: Rng, rate: int, n: int) -> Floats:
    """Chains, moorings, the recorder's own frame: a few strokes that ring at several pitches."""
    out = np.zeros(n)
    for at in rng.integers(0, n, int(rng.integers(1, 12))).tolist():
        hz = between(rng, 30, 3000)
        for _ in range(int(rng.integers(1, 5))):
            tone = ring(rng, rate, hz * rng.uniform(1, 4), between(rng, 0.003, 0.15))
            add(out, at, tone, rng.exponential())
    return out


def passage(rng: Rng, rate: int, n: int) -> Floats:
    """A boat that passes: cavitation in bands that the echo of the surface moves, tones of its engine."""
    t = np.arange(n) / rate
    closest, takes = rng.uniform(-0.3, 1.3) * n / rate, between(rng, 0.5, 20)
    near = 1 / (1 + ((t - closest) / takes) ** 2)
    octaves = np.log2(np.maximum(np.linspace(0, rate / 2, 513), 1.0) / between(rng, 200, 8000))
    noise = coloured(rng, np.exp(-0.5 * (octaves / rng.uniform(0.8, 3)) ** 2) + 1e-4, n)
    delay = np.maximum(between(rng, 1e-4, 5e-3) * near * rate, 1.0)
    echoed = noise - rng.uniform(0, 0.9) * np.interp(np.arange(n) - delay, np.arange(n), noise)
    strokes = between(rng, 5, 150)
    echoed *= 1 + rng.uniform(0, 1) * np.sin(2 * np.pi * strokes * t + phase(rng)) ** int(rng.integers(1, 6))
    shift = 1 - rng.uniform(0, 0.01) * np.tanh((t - closest) / takes)
    tones = harmonics(rng, np.cumsum(shift) / rate, rate, between(rng, 20, 800), 20, rng.uniform(0, 1.5))
    return np.asarray(near * (echoed + rng.uniform(0, 2) * tones / max(float(tones.std()), 1e-9)))


def bubbles(rng: Rng, rate: int, n: int) -> Floats:
    """Bubbles that ring, of divers, waves and rain: a few each second or thousands, in swells."""
    out = np.zeros(n)
    low = between(rng, 150, 8000)
    high = low * between(rng, 1.5, 10)
    loud = swell(rng, n, max(2, int(n / rate * between(rng, 0.3, 3)) + 2), rng.uniform(0.2, 2.5))
    for at in rng.integers(0, n, 1 + min(3000, int(between(rng, 3, 1000) * n / rate))).tolist():
        hz = between(rng, low, high)
        add(out, at, ring(rng, rate, hz, between(rng, 4, 15) / hz), loud[at] * rng.exponential())
    return out


def blast(rng: Rng, rate: int, n: int) -> Floats:
    """Seal bombs, air guns, breaking gear: one or two broad strokes and their long reverberation."""
    out = np.zeros(n)
    decay = max(8, int(between(rng, 0.02, 1.5) * rate))
    falls = between(rng, 50, 2000), rng.uniform(0.5, 2.0)
    power = 1 / (1 + (np.linspace(0, rate / 2, 257) / falls[0]) ** falls[1])
    tail = coloured(rng, power, 5 * decay) * np.exp(-np.arange(5 * decay) / decay)
    for at in rng.integers(-decay, n, int(rng.integers(1, 3))).tolist():
        add(out, at, tail, rng.uniform(0.5, 1))
    return out


def rattle(rng: Rng, rate: int, n: int) -> Floats:
    """Chains, shackles, pebbles: bursts of many short strokes of metal or stone."""
    out = np.zeros(n)
    low = between(rng, 300, 8000)
    for at in rng.integers(-rate // 4, n, int(rng.integers(1, 6))).tolist():
        span = max(2, int(between(rng, 0.02, 1.5) * rate))
        for place in rng.integers(0, span, int(rng.integers(2, 60))).tolist():
            stroke = ring(rng, rate, low * between(rng, 1, 3), between(rng, 3e-4, 0.02))
            add(out, at + place, stroke, rng.exponential())
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
    "passage": passage,
    "bubbles": bubbles,
    "blast": blast,
    "rattle": rattle,
}
