"""Which call is where on a tape, and how loud: drawn for each species on its own.

The SNR of a call is defined in `datasets.simulate.snr`. N, its noise, is the noise of the tape in the band of
the call during the call, or during `NOISE_S` around it if the call is shorter, so a call in a quiet moment is
as quiet as it would be there. Rounding to the bits of the file is part of N.

Every species has seeds of its own: times, clips, SNRs and channels of one species stay the same whatever the
other species are. Where calls and noise together could pass full scale, the whole tape is turned down, noise
and calls alike, so that every SNR stays.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finback.datasets.simulate.mixing import FULL
from finback.datasets.simulate.snr import band_power
from finback.datasets.simulate.soundscape.calls import Call, Pool
from finback.datasets.simulate.soundscape.noise import Bed
from finback.datasets.simulate.soundscape.settings import SoundscapeSettings

NOISE_S = 2.0
PERIODS = 8  # the noise is measured for at least so many periods of the bandwidth
LONGEST_NOISE_S = 20.0
LEVEL_DBFS = (-50.0, -36.0)  # RMS of the noise of a tape, drawn
# The purpose of a seed, so that no two draws have the same one.
NOISE, LEVEL, TIMES, CALL, SOUND, WINDOWS = range(6)


@dataclass(frozen=True, slots=True)
class Placed:
    """A call on a tape: its sound begins at sample `start` of `channel`; `gain` is relative to the bed."""

    call: Call
    start: int
    channel: int
    snr_db: float
    gain: float
    overlaps: int = 0  # other calls of the channel at the same time, for a part of it

    @property
    def first(self) -> int:
        """First sample of the true call."""
        return self.start + self.call.first

    @property
    def last(self) -> int:
        """Sample after the true call."""
        return self.start + self.call.last


@dataclass(frozen=True)
class Tape:
    """The plan of one tape. `level` scales noise and calls."""

    number: int  # from 0
    n_samples: int
    beds: tuple[Bed, ...]  # of each channel
    calls: tuple[Placed, ...]  # in order of time
    level: float
    noise_files: tuple[str, ...] = ()  # content hashes


def seed_of(settings: SoundscapeSettings, species: str, *key: int) -> np.random.SeedSequence:
    """A seed that depends on the name of the species, not on its position in a list."""
    return np.random.SeedSequence(settings.seed, spawn_key=(zlib.crc32(species.encode()), *key))


def plan_tape(
    settings: SoundscapeSettings, number: int, pool: Pool, beds: Sequence[Bed], sample_rate: int
) -> Tape:
    """Draw the calls of a tape."""
    n = settings.n_samples(sample_rate)
    low, high = LEVEL_DBFS
    rng = np.random.default_rng(seed_of(settings, "", number, LEVEL))
    level = 10 ** (rng.uniform(low, high) / 20)
    rounding = 0.0 if settings.bits == 32 else (2.0 ** (1 - settings.bits) / level) ** 2 / 12
    placed = [
        _with_gain(one, beds[one.channel], n, sample_rate, rounding)
        for species in pool.names
        for one in _draw(settings, number, species, pool, n, sample_rate)
    ]
    placed.sort(key=lambda one: (one.first, one.last, one.call.species, one.channel))
    calls = _with_overlaps(placed)
    bound = max(bed.peak for bed in beds) + _loudest_sum(calls)
    files = tuple(sorted({file for bed in beds for file in bed.files}))
    return Tape(number, n, tuple(beds), calls, min(level, FULL / bound), files)


def _draw(
    settings: SoundscapeSettings, number: int, species: str, pool: Pool, n: int, sample_rate: int
) -> Iterator[Placed]:
    """The calls of one species, before their levels are set."""
    share = (number, settings.tapes) if settings.apart else (0, 1)
    times = np.random.default_rng(seed_of(settings, species, number, TIMES))
    for i, onset in enumerate(_onsets(settings, species, times)):
        rng = np.random.default_rng(seed_of(settings, species, number, CALL, i))
        first, last = settings.snr_db[0], settings.snr_db[-1]
        snr = rng.uniform(first, last) if settings.snr_between else rng.choice(settings.snr_db)
        channel = int(rng.integers(settings.channels))
        call = pool.choose(species, seed_of(settings, species, number, SOUND, i), rng, share)
        if call is None:
            continue
        start = min(round(onset * sample_rate), n - call.n_samples)
        if start >= 0:
            yield Placed(call, start, channel, float(snr), 0.0)


def _onsets(settings: SoundscapeSettings, species: str, rng: np.random.Generator) -> list[float]:
    """Beginnings in seconds: a Poisson process, or bouts that are one, with exponential gaps in a bout."""
    duration = settings.minutes * 60
    expected = settings.rate_of(species) * duration / 3600
    if settings.calls_per_bout == 1:
        return sorted(rng.uniform(0, duration, rng.poisson(expected)).tolist())
    onsets: list[float] = []
    for start in rng.uniform(0, duration, rng.poisson(expected / settings.calls_per_bout)):
        gaps = rng.exponential(settings.bout_gap_s, rng.geometric(1 / settings.calls_per_bout) - 1)
        onsets += (start + np.concatenate([[0.0], np.cumsum(gaps)])).tolist()
    return sorted(onset for onset in onsets if onset < duration)


def _with_gain(one: Placed, bed: Bed, n: int, sample_rate: int, rounding: float) -> Placed:
    """The call with the gain that gives its SNR; `rounding` is the noise power of rounding."""
    call = one.call
    width = call.high_hz - call.low_hz
    shortest = min(max(NOISE_S, PERIODS / width), LONGEST_NOISE_S)
    around = max(0, math.ceil(shortest * sample_rate) - (one.last - one.first)) // 2
    start, stop = max(0, one.first - around), min(n, one.last + around)
    noise = band_power(bed.read(start, stop), sample_rate, call.low_hz, call.high_hz)
    noise += rounding * width / (sample_rate / 2)
    return replace(one, gain=math.sqrt(noise / call.power * 10 ** (one.snr_db / 10)))


def _with_overlaps(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """The calls (in order of time) with the number of other calls of the channel at the same time."""
    counts = [0] * len(placed)
    sounding: list[int] = []
    for i, one in enumerate(placed):
        sounding = [j for j in sounding if placed[j].last > one.first]
        for j in sounding:
            if placed[j].channel == one.channel:
                counts[i] += 1
                counts[j] += 1
        sounding.append(i)
    return tuple(replace(one, overlaps=count) for one, count in zip(placed, counts, strict=True))


def _loudest_sum(placed: Sequence[Placed]) -> float:
    """The largest sum of the peaks of calls that sound at the same time."""
    most = 0.0
    sounding: list[Placed] = []
    for one in sorted(placed, key=lambda p: p.start):
        sounding = [p for p in sounding if p.start + p.call.n_samples > one.start]
        sounding.append(one)
        most = max(most, sum(p.gain * p.call.peak for p in sounding))
    return most


def mixed(tape: Tape, pool: Pool, block: int) -> Iterator[np.ndarray]:
    """Blocks (m, channels) float32 of a tape; memory holds a block and the calls in it."""
    waiting = sorted(tape.calls, key=lambda one: one.start, reverse=True)
    sounding: list[tuple[Placed, np.ndarray]] = []
    for first in range(0, tape.n_samples, block):
        last = min(first + block, tape.n_samples)
        x = np.stack([bed.read(first, last) for bed in tape.beds], axis=1)
        while waiting and waiting[-1].start < last:
            one = waiting.pop()
            sounding.append((one, np.float32(one.gain) * pool.samples(one.call)))
        for one, y in sounding:
            a, b = max(first, one.start), min(last, one.start + len(y))
            x[a - first : b - first, one.channel] += y[a - one.start : b - one.start]
        sounding = [(one, y) for one, y in sounding if one.start + len(y) > last]
        yield x * np.float32(tape.level)
