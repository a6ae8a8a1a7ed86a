"""Calls laid on a tape: at a place, at a level in true dB, in blocks if the tape is long.

A `Voice` is the seed of a call, not its samples: planning an archive of days costs a line for each call,
and mixing holds only the calls under way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finback.datasets.simulate.calls import call_kind
from finback.datasets.simulate.snr import active_power, energy_band
from finback.datasets.simulate.tape import Channel

FULL = 0.99  # of full scale; nothing is written beyond it


@dataclass(frozen=True, slots=True)
class Voice:
    """One animal calling once. Of a call longer than `longest` samples there is a piece of that length."""

    species: str
    seed: np.random.SeedSequence
    longest: int

    def on(self, channel: Channel) -> np.ndarray:
        """The call (n,) float32 as the tape has it, always the same; its level is not yet set."""
        rng = np.random.default_rng(self.seed)
        call = call_kind(self.species).make(rng, channel.sample_rate)
        if len(call) <= self.longest:
            return channel.receive(call)
        # Somewhere about a moment drawn by energy, so that a piece of a pulse train holds a pulse.
        energy = np.cumsum(call.astype(np.float64) ** 2)
        moment = int(np.searchsorted(energy, rng.random() * energy[-1]))
        start = int(np.clip(moment - rng.integers(0, self.longest), 0, len(call) - self.longest))
        # The filter sees half a second of what was before and after: it must not hear the cut.
        margin = min(start, channel.sample_rate // 2)
        piece = call[start - margin : start + self.longest + margin]
        return channel.receive(piece)[margin : margin + self.longest]


@dataclass(frozen=True, slots=True)
class Event:
    """A call in its place on a tape. `peak` is its largest sample there, full scale = 1."""

    voice: Voice
    start: int
    stop: int
    gain: float
    peak: float
    low_hz: float
    high_hz: float
    snr_db: float

    def row(self, file: str, sample_rate: int) -> tuple[Any, ...]:
        """Its line in truth.csv."""
        times = (f"{self.start / sample_rate:.6f}", f"{self.stop / sample_rate:.6f}")
        band = (f"{self.low_hz:.2f}", f"{self.high_hz:.2f}")
        return (file, *times, self.voice.species, *band, f"{self.snr_db:.2f}")


def lay(voice: Voice, channel: Channel, call: np.ndarray, start: int, snr_db: float, room: float) -> Event:
    """A call (n,), as `voice.on(channel)` gave it, put at `start` with the gain that gives its SNR (`snr`).

    Softer than asked for where its peak would pass `room`; the event's own SNR says so. Tapes are drawn
    with room enough, so that is rare.
    """
    low, high = energy_band(call, channel.sample_rate)
    signal, noise = active_power(call, channel.sample_rate, low, high), channel.noise_power(low, high)
    gain = math.sqrt(noise / signal * 10 ** (snr_db / 10))
    largest = float(np.abs(call).max())
    fitting = min(gain, room / largest)
    snr_db += 20 * math.log10(fitting / gain)
    return Event(voice, start, start + len(call), fitting, fitting * largest, low, high, snr_db)


def with_calls(
    noise: Iterable[np.ndarray], events: Sequence[Event], channel: Channel
) -> Iterator[np.ndarray]:
    """Blocks of noise (m,) from sample 0 on, with the calls of `events` (in order of start) mixed in."""
    waiting = list(reversed(events))
    sounding: list[tuple[Event, np.ndarray]] = []
    first = 0
    for block in noise:
        last = first + len(block)
        while waiting and waiting[-1].start < last:
            event = waiting.pop()
            sounding.append((event, np.float32(event.gain) * event.voice.on(channel)))
        for event, call in sounding:
            start, stop = max(first, event.start), min(last, event.stop)
            block[start - first : stop - first] += call[start - event.start : stop - event.start]
        sounding = [(event, call) for event, call in sounding if event.stop > last]
        first = last
        yield block
