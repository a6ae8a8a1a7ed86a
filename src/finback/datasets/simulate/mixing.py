"""Calls mixed into the noise of a tape: at a position, with a given SNR in dB, block by block.

A `SimulatedCall` is the seed of a call, not its samples: the plan of an archive of days needs one line for
each call, and mixing holds only the calls of the current block in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.datasets.simulate.calls import call_kind
from finback.datasets.simulate.snr import active_power, energy_band
from finback.datasets.simulate.tape import TapeModel

FULL = 0.99  # largest sample that is written, full scale = 1


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call of one animal. Of a call that is longer than `longest` samples, a part of that length is
    used."""

    species: str
    seed: np.random.SeedSequence
    longest: int

    def received(self, tape: TapeModel) -> NDArray[np.float32]:
        """The call (n,) as the tape records it, before its level is set. Always the same for one tape."""
        rng = np.random.default_rng(self.seed)
        call = call_kind(self.species).make(rng, tape.sample_rate)
        if len(call) <= self.longest:
            return tape.receive(call)
        # Around a moment that is drawn in proportion to energy, so that a part of a pulse train has a pulse.
        energy = np.cumsum(call.astype(np.float64) ** 2)
        moment = int(np.searchsorted(energy, rng.random() * energy[-1]))
        start = int(np.clip(moment - rng.integers(0, self.longest), 0, len(call) - self.longest))
        # The filter gets half a second before and after the part, so that the cut has no effect.
        margin = min(start, tape.sample_rate // 2)
        part = call[start - margin : start + self.longest + margin]
        return tape.receive(part)[margin : margin + self.longest]


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call at its position on a tape: samples `start` to `stop`. `peak` is its largest sample, full scale =
    1."""

    call: SimulatedCall
    start: int
    stop: int
    gain: float
    peak: float
    low_hz: float
    high_hz: float
    snr_db: float

    def row(self, file: str, sample_rate: int) -> tuple[Any, ...]:
        """The row of this call in truth.csv."""
        times = (f"{self.start / sample_rate:.6f}", f"{self.stop / sample_rate:.6f}")
        band = (f"{self.low_hz:.2f}", f"{self.high_hz:.2f}")
        return (file, *times, self.call.species, *band, f"{self.snr_db:.2f}")


def place_call(
    call: SimulatedCall, tape: TapeModel, samples: np.ndarray, start: int, snr_db: float, headroom: float
) -> PlacedCall:
    """Place a call at sample `start` of a tape, with the gain that gives the SNR (see `snr`).

    `samples` (n,) are `call.received(tape)`. If the peak would exceed `headroom`, the gain is lower, and the
    event has the lower SNR. Tapes are drawn with enough headroom, so this is rare.
    """
    low, high = energy_band(samples, tape.sample_rate)
    signal, noise = active_power(samples, tape.sample_rate, low, high), tape.noise_power(low, high)
    gain = math.sqrt(noise / signal * 10 ** (snr_db / 10))
    largest = float(np.abs(samples).max())
    fitting = min(gain, headroom / largest)
    snr_db += 20 * math.log10(fitting / gain)
    return PlacedCall(call, start, start + len(samples), fitting, fitting * largest, low, high, snr_db)


def mix_calls(
    noise: Iterable[np.ndarray], events: Sequence[PlacedCall], tape: TapeModel
) -> Iterator[NDArray[np.float32]]:
    """Mix the calls of `events` (sorted by start) into consecutive blocks of noise (m,), which begin at
    sample 0."""
    waiting = list(reversed(events))
    sounding: list[tuple[PlacedCall, np.ndarray]] = []
    first = 0
    for block in noise:
        last = first + len(block)
        while waiting and waiting[-1].start < last:
            event = waiting.pop()
            sounding.append((event, np.float32(event.gain) * event.call.received(tape)))
        for event, samples in sounding:
            start, stop = max(first, event.start), min(last, event.stop)
            block[start - first : stop - first] += samples[start - event.start : stop - event.start]
        sounding = [(event, samples) for event, samples in sounding if event.stop > last]
        first = last
        yield block
