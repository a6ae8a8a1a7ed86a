"""What each simulated species sounds like: one function a call, `(rng, sample_rate) -> (n,) float32`, peak 1.

There is nothing before or after the call. The draws from `rng` are the individual: pitch, length, contour
and pulse rate vary as the papers named in `calls.py` say they do.
"""

from __future__ import annotations

import numpy as np

from finback.datasets.simulate import waveforms as synth


def fin_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    n = synth.n_samples(rng.uniform(0.8, 1.2), sample_rate)
    glide = synth.sweep(rng.uniform(22.0, 24.0), rng.uniform(17.5, 18.5), n)
    return synth.finish(synth.tone(glide, sample_rate) * synth.rise_and_fall(n, 0.3, 0.4))


def blue_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """The tonal B call; its third harmonic is nearly as strong as the fundamental."""
    n = synth.n_samples(rng.uniform(15, 20), sample_rate)
    glide = synth.sweep(rng.uniform(17.8, 18.6), rng.uniform(16.2, 17.0), n, bend=0.6)
    partials = (1.0, 0.08, rng.uniform(0.6, 0.9), 0.05, rng.uniform(0.15, 0.3))
    return synth.finish(synth.tone(glide, sample_rate, partials) * synth.rise_and_fall(n, 0.1, 0.15))


def sei_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """One downsweep or a pair."""
    n = synth.n_samples(rng.uniform(1.1, 1.6), sample_rate)
    glide = synth.sweep(rng.uniform(80, 100), rng.uniform(33, 37), n, bend=rng.uniform(0.7, 1.0))
    one = synth.tone(glide, sample_rate, (1.0, 0.1)) * synth.rise_and_fall(n, 0.2, 0.3)
    if rng.random() < 0.5:
        return synth.finish(one)
    gap = synth.n_samples(rng.uniform(3.0, 4.0), sample_rate)
    return synth.finish(synth.place(one, gap + n, [0, gap], [1.0, rng.uniform(0.7, 1.0)]))


def right_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """The up-call: nearly level at first, then rising ever faster."""
    n = synth.n_samples(rng.uniform(0.6, 1.2), sample_rate)
    glide = synth.sweep(rng.uniform(70, 105), rng.uniform(150, 200), n, bend=rng.uniform(1.5, 2.5))
    sound = synth.tone(glide, sample_rate, (1.0, rng.uniform(0.1, 0.3), 0.05))
    return synth.finish(sound * synth.rise_and_fall(n, 0.3, 0.15))


def bowhead_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A falling, arched or dipping moan, at times pulsive (its harmonics reach further then)."""
    n = synth.n_samples(rng.uniform(0.8, 2.0), sample_rate)
    low, high = rng.uniform(75, 120), rng.uniform(190, 280)
    shape = [(high, low), (low, high, low * 1.1), (high, low, high * 0.9)][rng.integers(3)]
    glide = synth.contour(shape, n) * synth.wander(rng, n, sample_rate, 4, 0.02)
    sound = synth.tone(glide, sample_rate, (1.0, 0.35, 0.15, 0.08))
    if rng.random() < 0.4:
        pulsing = np.cos(2 * np.pi * rng.uniform(18, 35) * np.arange(n) / sample_rate)
        sound *= 0.6 + 0.4 * pulsing
    return synth.finish(sound * synth.rise_and_fall(n, 0.15, 0.25))


def humpback_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A moan of the song: long, gliding, rich in harmonics."""
    n = synth.n_samples(rng.uniform(1.0, 3.0), sample_rate)
    base = rng.uniform(180, 420)
    glide = synth.contour(base * rng.uniform(0.75, 1.3, size=4), n)
    glide *= synth.wander(rng, n, sample_rate, 6, 0.01)
    partials = np.arange(1, 11.0) ** -rng.uniform(0.8, 1.3)
    sound = synth.tone(glide, sample_rate, partials)
    return synth.finish(sound * synth.rise_and_fall(n, 0.2, 0.25) * synth.wander(rng, n, sample_rate, 5, 0.1))


def minke_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A pulse train that speeds up or, more rarely, slows down."""
    if rng.random() < 0.7:
        duration, rates = np.clip(rng.normal(43.7, 6.0), 32, 56), (1.5, 2.8)
        top, bottom = rng.uniform(360, 400), rng.uniform(200, 240)
    else:
        duration, rates = np.clip(rng.normal(60.9, 5.8), 50, 72), (4.5, 2.9)
        top, bottom = rng.uniform(335, 350), rng.uniform(250, 265)
    # Phase of the pulse clock: rate changes linearly, a pulse falls on each whole number.
    t = np.arange(0, duration, 1e-3)
    clock = rates[0] * t + (rates[1] - rates[0]) * t**2 / (2 * duration)
    times = np.interp(np.arange(int(clock[-1])), clock, t)
    n = synth.n_samples(rng.uniform(0.045, 0.06), sample_rate)
    pulse = synth.tone(synth.sweep(top, bottom, n), sample_rate) * synth.rise_and_fall(n, 0.25, 0.35)
    at = np.round(times * sample_rate).astype(int)
    gains = rng.uniform(0.7, 1.0, size=len(at))
    return synth.finish(synth.place(pulse, at[-1] + len(pulse), at, gains))


def sperm_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A coda or a run of usual clicks; each click is a row of pulses echoing in the spermaceti organ."""
    interval = synth.n_samples(rng.uniform(0.003, 0.006), sample_rate)
    centre = rng.uniform(4500, 9000)
    # Three damped modes side by side: broadband, yet ringing on a little as off the axis.
    modes = [synth.ring(k * centre, 4 / centre, 16 / centre, sample_rate) for k in (0.6, 1.0, 1.5)]
    pulse = np.sum(modes, axis=0)
    echo = np.arange(5)
    click = synth.place(pulse, 5 * interval, echo * interval, rng.uniform(0.55, 0.75) ** echo)
    if rng.random() < 0.5:
        # 3+1 (Mediterranean), five regular, 1+1+3 (Caribbean), as intervals relative to the first.
        pattern = [(1, 1, 2.2), (1, 1, 1, 1), (1, 1, 0.5, 0.5)][rng.integers(3)]
        gaps = np.array(pattern) / sum(pattern) * rng.uniform(0.46, 1.28)
    else:
        gaps = rng.uniform(0.5, 1.0) * rng.normal(1, 0.03, size=rng.integers(4, 9))
    at = np.round(np.concatenate([[0.0], np.cumsum(gaps)]) * sample_rate).astype(int)
    gains = rng.uniform(0.75, 1.0, size=len(at))
    return synth.finish(synth.place(click, at[-1] + len(click), at, gains))


def bottlenose_dolphin(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A signature whistle: one to four loops of the dolphin's own contour."""
    n = synth.n_samples(rng.uniform(0.4, 1.3), sample_rate)
    low, high = rng.uniform(4000, 7000), rng.uniform(11_000, 17_000)
    loop = (low, low + (high - low) * rng.uniform(0.3, 0.6), high, low + (high - low) * rng.uniform(0.2, 0.5))
    points = [*(loop * int(rng.integers(1, 5))), low * rng.uniform(1.0, 1.2)]
    sound = synth.tone(synth.contour(points, n), sample_rate, (1.0, rng.uniform(0.03, 0.15)))
    return synth.finish(
        sound * synth.rise_and_fall(n, 0.08, 0.08) * synth.wander(rng, n, sample_rate, 10, 0.15)
    )


def killer_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A discrete pulsed call: pulses so fast that they are heard as pitch, which steps; often two-voiced."""
    n = synth.n_samples(rng.uniform(0.5, 1.5), sample_rate)
    rate, step = rng.uniform(500, 1000), rng.uniform(1.2, 1.6)
    turn = rng.uniform(0.45, 0.75)
    points, shares = (rate * 0.9, rate, rate * step, rate * step * 0.95), (0, turn, turn + 0.08, 1)
    glide = synth.contour(points, n, shares)
    harmonics = rate * np.arange(1, 13)
    formant = rng.uniform(1800, 3500)
    partials = np.exp(-0.5 * (np.log2(harmonics / formant) / 0.8) ** 2)
    sound = synth.tone(glide, sample_rate, partials)
    if rng.random() < 0.5:
        upper = synth.sweep(rng.uniform(5000, 6500), rng.uniform(6500, 8500), n)
        sound += 0.25 * np.abs(sound).max() * synth.tone(upper, sample_rate)
    return synth.finish(sound * synth.rise_and_fall(n, 0.06, 0.12))


def cuviers_beaked_whale(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A train of frequency-modulated clicks, each an upsweep of a fifth of a millisecond."""
    centre, half = rng.normal(42_000, 1000), rng.uniform(12_000, 14_000)
    click = synth.burst(centre - half, centre + half, rng.uniform(190e-6, 220e-6), sample_rate)
    gaps = np.clip(rng.normal(0.41, 0.03) + rng.normal(0, 0.03, size=rng.integers(5, 12)), 0.27, 0.55)
    at = np.round(np.concatenate([[0.0], np.cumsum(gaps)]) * sample_rate).astype(int)
    gains = rng.uniform(0.6, 1.0, size=len(at))
    return synth.finish(synth.place(click, at[-1] + len(click), at, gains))


def weddell_seal(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """The trill: short downward chirps in quick succession, descending and slowing over many seconds."""
    duration = rng.uniform(8, 30)
    n = synth.n_samples(duration, sample_rate)
    top, bottom = rng.uniform(6000, 11_000), rng.uniform(300, 800)
    rate_start, rate_stop = rng.uniform(16, 22), rng.uniform(5, 8)
    t = np.linspace(0, 1, n)
    clock = duration * (rate_start * t + (rate_stop - rate_start) * t**2 / 2)
    within = clock % 1.0  # 0 to 1 within each chirp
    glide = synth.fall(top, bottom, n) * (1.15 - 0.3 * within)
    chirps = np.sin(np.pi * np.clip(within / 0.7, 0, 1)) ** 2
    sound = synth.tone(glide, sample_rate, (1.0, 0.05)) * chirps
    return synth.finish(sound * synth.rise_and_fall(n, 0.05, 0.15))


def bearded_seal(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """The long trill: an unbroken tone that warbles as it descends."""
    n = synth.n_samples(rng.uniform(15, 40), sample_rate)
    glide = synth.fall(rng.uniform(2500, 5000), rng.uniform(250, 450), n)
    warble = 2 * np.pi * rng.uniform(3, 6) * np.arange(n) / sample_rate
    glide *= 1 + rng.uniform(0.06, 0.12) * np.sin(warble)
    sound = synth.tone(glide, sample_rate, (1.0, rng.uniform(0.02, 0.1)))
    return synth.finish(sound * synth.rise_and_fall(n, 0.1, 0.2) * synth.wander(rng, n, sample_rate, 1, 0.1))


def walrus(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """Knocks, single, in pairs or in threes; at times the song's bell after the last."""
    # Three resonances of the struck throat, the lowest the strongest.
    low, middle, high = rng.uniform((350, 900, 1800), (700, 1600, 3200))
    knock = synth.ring(low, 0.004, 0.02, sample_rate)
    knock += 0.7 * synth.ring(middle, 0.004, 0.02, sample_rate) + 0.4 * synth.ring(
        high, 0.004, 0.02, sample_rate
    )
    period, together = 1 / rng.uniform(0.8, 1.2), int(rng.integers(1, 4))
    close = rng.uniform(0.08, 0.14)
    times = [i * period + j * close for i in range(rng.integers(4, 9)) for j in range(together)]
    at = [round(t * sample_rate) for t in times]
    sound = synth.place(knock, at[-1] + len(knock), at, rng.uniform(0.7, 1.0, size=len(at)))
    if rng.random() < 0.3:
        bell = synth.ring(rng.uniform(400, 600), 0.5, 1.5, sample_rate) * 0.5
        bell[: len(knock)] += knock
        sound = np.concatenate([sound, np.zeros(round(0.5 * period * sample_rate)), bell])
    return synth.finish(sound)


def harp_seal(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """One short element, struck and fading, given two to five times over."""
    n = synth.n_samples(rng.uniform(0.1, 0.2), sample_rate)
    start = rng.uniform(500, 1500)
    glide = synth.sweep(start, start * rng.choice([0.6, 0.8, 1.4]), n)
    element = synth.tone(glide, sample_rate, (1.0, 0.5, 0.25)) * synth.rise_and_fall(n, 0.1, 0.8)
    period = round(rng.uniform(0.25, 0.4) * sample_rate)
    at = [i * period for i in range(rng.integers(2, 6))]
    gains = rng.uniform(0.75, 1.0, size=len(at))
    return synth.finish(synth.place(element, at[-1] + n, at, gains))
