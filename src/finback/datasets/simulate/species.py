"""One function for the call of each simulated species: `(rng, sample_rate) -> (n,) float32`, peak 1.

There is no silence before or after the call. The random numbers from `rng` stand for the individual: pitch,
duration, contour and pulse rate vary as described in the papers that `calls.py` cites. Frequencies are in Hz,
times in seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.datasets.simulate import waveforms


def fin_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A pulse that sweeps down from about 23 to 18 Hz in one second.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.8, 1.2), sample_rate)
    glide = waveforms.sweep(rng.uniform(22.0, 24.0), rng.uniform(17.5, 18.5), n)
    return waveforms.finish(waveforms.tone(glide, sample_rate) * waveforms.rise_and_fall(n, 0.3, 0.4))


def blue_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """The tonal B call at 17 Hz for 15 to 20 s; the third harmonic is nearly as strong as the fundamental.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(15, 20), sample_rate)
    glide = waveforms.sweep(rng.uniform(17.8, 18.6), rng.uniform(16.2, 17.0), n, bend=0.6)
    partials = (1.0, 0.08, rng.uniform(0.6, 0.9), 0.05, rng.uniform(0.15, 0.3))
    return waveforms.finish(
        waveforms.tone(glide, sample_rate, partials) * waveforms.rise_and_fall(n, 0.1, 0.15)
    )


def sei_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A downsweep from about 90 to 35 Hz in 1.1 to 1.6 s, or a pair of them 3 to 4 s apart.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(1.1, 1.6), sample_rate)
    glide = waveforms.sweep(rng.uniform(80, 100), rng.uniform(33, 37), n, bend=rng.uniform(0.7, 1.0))
    one = waveforms.tone(glide, sample_rate, (1.0, 0.1)) * waveforms.rise_and_fall(n, 0.2, 0.3)
    if rng.random() < 0.5:
        return waveforms.finish(one)
    gap = waveforms.n_samples(rng.uniform(3.0, 4.0), sample_rate)
    return waveforms.finish(waveforms.place(one, gap + n, [0, gap], [1.0, rng.uniform(0.7, 1.0)]))


def right_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """The up-call, 70 to 200 Hz in 0.6 to 1.2 s: nearly level at first, then a faster and faster rise.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.6, 1.2), sample_rate)
    glide = waveforms.sweep(rng.uniform(70, 105), rng.uniform(150, 200), n, bend=rng.uniform(1.5, 2.5))
    sound = waveforms.tone(glide, sample_rate, (1.0, rng.uniform(0.1, 0.3), 0.05))
    return waveforms.finish(sound * waveforms.rise_and_fall(n, 0.3, 0.15))


def bowhead_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A moan of 0.8 to 2 s between 75 and 280 Hz: falling, arched or dipping; 40 % are pulsed.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.8, 2.0), sample_rate)
    low, high = rng.uniform(75, 120), rng.uniform(190, 280)
    shape = [(high, low), (low, high, low * 1.1), (high, low, high * 0.9)][rng.integers(3)]
    glide = waveforms.contour(shape, n) * waveforms.wander(rng, n, sample_rate, 4, 0.02)
    sound = waveforms.tone(glide, sample_rate, (1.0, 0.35, 0.15, 0.08))
    if rng.random() < 0.4:
        pulsing = np.cos(2 * np.pi * rng.uniform(18, 35) * np.arange(n) / sample_rate)
        sound *= 0.6 + 0.4 * pulsing
    return waveforms.finish(sound * waveforms.rise_and_fall(n, 0.15, 0.25))


def humpback_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A moan of the song, 1 to 3 s: gliding, from 180 to 420 Hz, with ten harmonics.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(1.0, 3.0), sample_rate)
    base = rng.uniform(180, 420)
    glide = waveforms.contour(base * rng.uniform(0.75, 1.3, size=4), n)
    glide *= waveforms.wander(rng, n, sample_rate, 6, 0.01)
    partials = np.arange(1, 11.0) ** -rng.uniform(0.8, 1.3)
    sound = waveforms.tone(glide, sample_rate, partials)
    return waveforms.finish(
        sound * waveforms.rise_and_fall(n, 0.2, 0.25) * waveforms.wander(rng, n, sample_rate, 5, 0.1)
    )


def minke_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A pulse train of 32 to 72 s between 200 and 400 Hz that accelerates or, in 30 %, slows down.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    if rng.random() < 0.7:
        duration, rates = np.clip(rng.normal(43.7, 6.0), 32, 56), (1.5, 2.8)
        top, bottom = rng.uniform(360, 400), rng.uniform(200, 240)
    else:
        duration, rates = np.clip(rng.normal(60.9, 5.8), 50, 72), (4.5, 2.9)
        top, bottom = rng.uniform(335, 350), rng.uniform(250, 265)
    # Phase of the pulse train: the rate changes linearly, and there is a pulse at each whole number.
    t = np.arange(0, duration, 1e-3)
    clock = rates[0] * t + (rates[1] - rates[0]) * t**2 / (2 * duration)
    times = np.interp(np.arange(int(clock[-1])), clock, t)
    n = waveforms.n_samples(rng.uniform(0.045, 0.06), sample_rate)
    pulse = waveforms.tone(waveforms.sweep(top, bottom, n), sample_rate) * waveforms.rise_and_fall(
        n, 0.25, 0.35
    )
    at = np.round(times * sample_rate).astype(int)
    gains = rng.uniform(0.7, 1.0, size=len(at))
    return waveforms.finish(waveforms.place(pulse, at[-1] + len(pulse), at, gains))


def sperm_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A coda or a sequence of usual clicks; each click is a row of pulses 3 to 6 ms apart.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    interval = waveforms.n_samples(rng.uniform(0.003, 0.006), sample_rate)
    centre = rng.uniform(4500, 9000)
    # Three damped modes: broadband, with a short ringing, as recorded off the axis of the animal.
    modes = [waveforms.ring(k * centre, 4 / centre, 16 / centre, sample_rate) for k in (0.6, 1.0, 1.5)]
    pulse = np.sum(modes, axis=0)
    echo = np.arange(5)
    click = waveforms.place(pulse, 5 * interval, echo * interval, rng.uniform(0.55, 0.75) ** echo)
    if rng.random() < 0.5:
        # 3+1 (Mediterranean), five regular, 1+1+3 (Caribbean); intervals are relative to the first.
        pattern = [(1, 1, 2.2), (1, 1, 1, 1), (1, 1, 0.5, 0.5)][rng.integers(3)]
        gaps = np.array(pattern) / sum(pattern) * rng.uniform(0.46, 1.28)
    else:
        gaps = rng.uniform(0.5, 1.0) * rng.normal(1, 0.03, size=rng.integers(4, 9))
    at = np.round(np.concatenate([[0.0], np.cumsum(gaps)]) * sample_rate).astype(int)
    gains = rng.uniform(0.75, 1.0, size=len(at))
    return waveforms.finish(waveforms.place(click, at[-1] + len(click), at, gains))


def bottlenose_dolphin(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A signature whistle of 0.4 to 1.3 s between 4 and 17 kHz: one to four loops of a contour.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.4, 1.3), sample_rate)
    low, high = rng.uniform(4000, 7000), rng.uniform(11_000, 17_000)
    loop = (low, low + (high - low) * rng.uniform(0.3, 0.6), high, low + (high - low) * rng.uniform(0.2, 0.5))
    points = [*(loop * int(rng.integers(1, 5))), low * rng.uniform(1.0, 1.2)]
    sound = waveforms.tone(waveforms.contour(points, n), sample_rate, (1.0, rng.uniform(0.03, 0.15)))
    return waveforms.finish(
        sound * waveforms.rise_and_fall(n, 0.08, 0.08) * waveforms.wander(rng, n, sample_rate, 10, 0.15)
    )


def killer_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A discrete pulsed call of 0.5 to 1.5 s: a pulse rate of 500 to 1,000 per second that steps up once.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.5, 1.5), sample_rate)
    rate, step = rng.uniform(500, 1000), rng.uniform(1.2, 1.6)
    turn = rng.uniform(0.45, 0.75)
    points, shares = (rate * 0.9, rate, rate * step, rate * step * 0.95), (0, turn, turn + 0.08, 1)
    glide = waveforms.contour(points, n, shares)
    harmonics = rate * np.arange(1, 13)
    formant = rng.uniform(1800, 3500)
    partials = np.exp(-0.5 * (np.log2(harmonics / formant) / 0.8) ** 2)
    sound = waveforms.tone(glide, sample_rate, partials)
    if rng.random() < 0.5:
        upper = waveforms.sweep(rng.uniform(5000, 6500), rng.uniform(6500, 8500), n)
        sound += 0.25 * np.abs(sound).max() * waveforms.tone(upper, sample_rate)
    return waveforms.finish(sound * waveforms.rise_and_fall(n, 0.06, 0.12))


def cuviers_beaked_whale(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A train of 6 to 12 frequency-modulated clicks, upsweeps of 0.2 ms around 42 kHz, 0.41 s apart.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    centre, half = rng.normal(42_000, 1000), rng.uniform(12_000, 14_000)
    click = waveforms.burst(centre - half, centre + half, rng.uniform(190e-6, 220e-6), sample_rate)
    gaps = np.clip(rng.normal(0.41, 0.03) + rng.normal(0, 0.03, size=rng.integers(5, 12)), 0.27, 0.55)
    at = np.round(np.concatenate([[0.0], np.cumsum(gaps)]) * sample_rate).astype(int)
    gains = rng.uniform(0.6, 1.0, size=len(at))
    return waveforms.finish(waveforms.place(click, at[-1] + len(click), at, gains))


def weddell_seal(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """The trill of 8 to 30 s: short downward chirps that descend from 6 to 11 kHz and slow down.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    duration = rng.uniform(8, 30)
    n = waveforms.n_samples(duration, sample_rate)
    top, bottom = rng.uniform(6000, 11_000), rng.uniform(300, 800)
    rate_start, rate_stop = rng.uniform(16, 22), rng.uniform(5, 8)
    t = np.linspace(0, 1, n)
    clock = duration * (rate_start * t + (rate_stop - rate_start) * t**2 / 2)
    within = clock % 1.0  # 0 to 1 within each chirp
    glide = waveforms.fall(top, bottom, n) * (1.15 - 0.3 * within)
    chirps = np.sin(np.pi * np.clip(within / 0.7, 0, 1)) ** 2
    sound = waveforms.tone(glide, sample_rate, (1.0, 0.05)) * chirps
    return waveforms.finish(sound * waveforms.rise_and_fall(n, 0.05, 0.15))


def bearded_seal(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """The long trill of 15 to 40 s: a continuous warbling tone that descends from 2.5 to 5 kHz to 0.3 kHz.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(15, 40), sample_rate)
    glide = waveforms.fall(rng.uniform(2500, 5000), rng.uniform(250, 450), n)
    warble = 2 * np.pi * rng.uniform(3, 6) * np.arange(n) / sample_rate
    glide *= 1 + rng.uniform(0.06, 0.12) * np.sin(warble)
    sound = waveforms.tone(glide, sample_rate, (1.0, rng.uniform(0.02, 0.1)))
    return waveforms.finish(
        sound * waveforms.rise_and_fall(n, 0.1, 0.2) * waveforms.wander(rng, n, sample_rate, 1, 0.1)
    )


def walrus(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """Knocks, single, in pairs or in threes, 0.8 to 1.2 groups per second; in 30 % the bell at the end.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    # Three resonances of the throat; the lowest is the strongest.
    low, middle, high = rng.uniform((350, 900, 1800), (700, 1600, 3200))
    knock = waveforms.ring(low, 0.004, 0.02, sample_rate)
    knock += 0.7 * waveforms.ring(middle, 0.004, 0.02, sample_rate) + 0.4 * waveforms.ring(
        high, 0.004, 0.02, sample_rate
    )
    period, together = 1 / rng.uniform(0.8, 1.2), int(rng.integers(1, 4))
    close = rng.uniform(0.08, 0.14)
    times = [i * period + j * close for i in range(rng.integers(4, 9)) for j in range(together)]
    at = [round(t * sample_rate) for t in times]
    sound = waveforms.place(knock, at[-1] + len(knock), at, rng.uniform(0.7, 1.0, size=len(at)))
    if rng.random() < 0.3:
        bell = waveforms.ring(rng.uniform(400, 600), 0.5, 1.5, sample_rate) * 0.5
        bell[: len(knock)] += knock
        sound = np.concatenate([sound, np.zeros(round(0.5 * period * sample_rate)), bell])
    return waveforms.finish(sound)


def harp_seal(rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """A short element of 0.1 to 0.2 s with an abrupt onset, repeated two to five times.

    (n,) float32, peak 1, at `sample_rate` Hz; `rng` varies it as an individual would.
    """
    n = waveforms.n_samples(rng.uniform(0.1, 0.2), sample_rate)
    start = rng.uniform(500, 1500)
    glide = waveforms.sweep(start, start * rng.choice([0.6, 0.8, 1.4]), n)
    element = waveforms.tone(glide, sample_rate, (1.0, 0.5, 0.25)) * waveforms.rise_and_fall(n, 0.1, 0.8)
    period = round(rng.uniform(0.25, 0.4) * sample_rate)
    at = [i * period for i in range(rng.integers(2, 6))]
    gains = rng.uniform(0.75, 1.0, size=len(at))
    return waveforms.finish(waveforms.place(element, at[-1] + n, at, gains))
