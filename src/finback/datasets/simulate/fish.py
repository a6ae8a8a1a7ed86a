"""Sounds of fish, which are easily taken for calls of whales and seals: low, pulsed, tonal, in choruses.

    x = FISH["boatwhistle"](rng, 48_000, 144_000)       # (n,) float64, of any level

Fish drum with muscles on the swim bladder, or rub bones. Numbers follow published descriptions: trains of
pulses of drums and croakers, most of their energy at 100 to 1,000 Hz (Ramcharitar, Gannon & Popper 2006,
Trans. Am. Fish. Soc. 135:1409); knocks of haddock that quicken until they hum (Hawkins & Amorim 2000,
Environ. Biol. Fishes 59:29); boatwhistles of toadfish, a grunt and then a tone with harmonics (Thorson & Fine
2002, Environ. Biol. Fishes 63:321); pulsed chirps of damselfish at 300 to 1,000 Hz (Mann & Lobel 1997, J.
Acoust. Soc. Am. 101:3783); rasps of grunts, which rub the teeth of their throat (Bertucci et al. 2014, J.
Exp. Biol. 217:3862).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from finback.datasets.simulate.pieces import Floats, Rng, add, between, coloured, phase, ring


def grunts(rng: Rng, rate: int, n: int) -> Floats:
    """Trains of low pulses of one shape, each train once or a few times."""
    out = np.zeros(n)
    pulse = _pulse(rng, rate, between(rng, 60, 1200))
    for at in rng.integers(-len(pulse), n, int(rng.integers(1, 6))).tolist():
        _train(rng, out, at, pulse, between(rng, 0.008, 0.15) * rate, int(rng.integers(1, 15)))
    return out


def boatwhistle(rng: Rng, rate: int, n: int) -> Floats:
    """A tone with harmonics that rises quickly and falls slowly, often after a grunt: toadfish, hums."""
    out = np.zeros(n)
    low, duration = between(rng, 60, 400), between(rng, 0.15, 3.0)
    t = np.arange(max(8, int(duration * rate))) / rate
    bend = rng.normal(scale=0.04) * low / duration
    tone = np.zeros(len(t))
    fall, formant = rng.uniform(0.3, 2.0), between(rng, 100, 1000)
    for k in range(1, int(rng.integers(2, 15))):
        if low * k > rate * 0.45:
            break
        gain = rng.uniform(0.3, 1) * k**-fall * (1 + 2 * np.exp(-((np.log2(low * k / formant)) ** 2)))
        tone += gain * np.sin(2 * np.pi * k * (low * t + bend * t * t / 2) + phase(rng))
    rise = between(rng, 0.01, 0.2) * duration
    tone *= np.minimum(t / rise, 1) * np.minimum((duration - t) / (rng.uniform(0.1, 0.7) * duration), 1)
    period = duration + between(rng, 0.2, 8.0)
    grunt = _pulse(rng, rate, between(rng, 60, 600))
    first = int(rng.integers(-len(t) // 2, max(1, n // 2)))
    for at in range(first, n, int(period * rate)):
        add(out, at, tone, rng.uniform(0.7, 1.0))
        if period > duration + 1:
            _train(rng, out, at - int(0.1 * rate), grunt, rate / low, int(rng.integers(1, 12)))
    return out


def hurried(rng: Rng, rate: int, n: int) -> Floats:
    """Knocks that follow each other faster and faster, up to a hum, as those of haddock do."""
    out = np.zeros(n)
    pulse = _pulse(rng, rate, between(rng, 60, 500))
    slow, fast = between(rng, 2, 30), between(rng, 10, 120)
    at = float(rng.integers(-len(pulse), max(1, n // 2)))
    last = at + rng.uniform(0.3, 1.2) * n
    while at < min(last, n):
        share = max(0.0, at / n)
        add(out, int(at), pulse, rng.uniform(0.8, 1.0))
        at += rate / (slow * (fast / slow) ** share)
    return out


def chirps(rng: Rng, rate: int, n: int) -> Floats:
    """A few pulses or short gliding tones of 200 to 4,000 Hz, in series with pauses."""
    out = np.zeros(n)
    hz, duration = between(rng, 200, 4000), between(rng, 0.01, 0.25)
    t = np.arange(max(8, int(duration * rate))) / rate
    glide = rng.uniform(-0.4, 0.4) * hz / duration
    envelope = np.sin(np.pi * np.minimum(t / duration, 1.0)) ** rng.uniform(0.3, 2.0)
    tone = np.sin(2 * np.pi * (min(hz, rate * 0.35) * t + glide * t * t / 2))
    tone += rng.uniform(0, 0.7) * np.sin(4 * np.pi * (min(hz, rate * 0.2) * t + glide * t * t / 2))
    for at in rng.integers(-len(t) // 2, n, int(rng.integers(1, 5))).tolist():
        _train(rng, out, at, tone * envelope, between(rng, 1.1, 4) * len(t), int(rng.integers(1, 8)))
    return out


def rasps(rng: Rng, rate: int, n: int) -> Floats:
    """Strokes of bone on bone: trains of short broad pulses."""
    out = np.zeros(n)
    for at in rng.integers(-rate // 100, n, int(rng.integers(1, 6))).tolist():
        size = max(8, int(between(rng, 0.002, 0.03) * rate))
        octaves = np.log2(np.maximum(np.linspace(0, rate / 2, 257), 1.0) / between(rng, 400, 6000))
        power = np.exp(-0.5 * (octaves / rng.uniform(0.7, 2.5)) ** 2) + 1e-5
        stroke = coloured(rng, power, size) * np.exp(-4 * np.arange(size) / size)
        _train(rng, out, at, stroke, between(rng, 0.01, 0.12) * rate, int(rng.integers(1, 25)))
    return out


def chorus(rng: Rng, rate: int, n: int) -> Floats:
    """Many fish of one kind at once: single sounds drown in a band that pulses."""
    out = np.zeros(n)
    one = [grunts, boatwhistle, chirps][int(rng.integers(3))]
    state = int(rng.integers(1 << 31))
    span = min(n, int(rate * between(rng, 0.3, 2.0)))
    sound = one(np.random.default_rng(state), rate, max(64, span))
    sound = sound / max(float(sound.std()), 1e-9)
    for at in rng.integers(-span, n, max(2, int(between(rng, 2, 40) * n / rate))).tolist():
        add(out, at, sound, 10 ** (rng.normal(scale=6) / 20))
    return out


FISH: dict[str, Callable[[Rng, int, int], Floats]] = {
    "grunts": grunts,
    "boatwhistle": boatwhistle,
    "hurried knocks": hurried,
    "chirps": chirps,
    "rasps": rasps,
    "chorus": chorus,
}


def _pulse(rng: Rng, rate: int, hz: float) -> Floats:
    """One contraction of a drumming muscle: the swim bladder rings at one to three pitches."""
    parts = [
        ring(rng, rate, hz * rng.uniform(1, 3), between(rng, 0.002, 0.025))
        for _ in range(int(rng.integers(1, 4)))
    ]
    out = np.zeros(max(len(part) for part in parts))
    for part in parts:
        out[: len(part)] += rng.exponential() * part
    return out


def _train(rng: Rng, out: Floats, at: int, pulse: Floats, period: float, times: int) -> None:
    """Add a pulse several times; periods differ by a twentieth, levels swell or fade."""
    slope = rng.uniform(-1.5, 1.5)
    for k in range(times):
        place = at + int(k * period * (1 + 0.05 * rng.normal() / max(k, 1)))
        add(out, place, pulse, rng.uniform(0.7, 1.0) * np.exp(slope * k / max(times, 2)))
