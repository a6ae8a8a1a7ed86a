"""Calls laid on a tape: at a place, at a level in true dB, in blocks if the tape is long.

An `Event` remembers the seed of its call, not its samples: planning an archive of days costs a line for
each call, and mixing holds only the calls under way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from finback.data.calls import call_kind
from finback.data.channel import Channel
from finback.data.snr import active_power, energy_band

FULL = 0.99  # of full scale; nothing is written beyond it


@dataclass(frozen=True, slots=True)
class Event:
    """One call on a tape: where it stands, how loud, and the seed to make it again."""

    species: str
    seed: np.random.SeedSequence
    start: int
    n_samples: int
    gain: float
    low_hz: float
    high_hz: float
    snr_db: float
    peak: float

    @property
    def stop(self) -> int:
        return self.start + self.n_samples

    def row(self, file: str, sample_rate: int) -> tuple[Any, ...]:
        """Its line in truth.csv."""
        times = (f"{self.start / sample_rate:.6f}", f"{self.stop / sample_rate:.6f}")
        band = (f"{self.low_hz:.2f}", f"{self.high_hz:.2f}")
        return (file, *times, self.species, *band, f"{self.snr_db:.2f}")


def with_calls(
    noise: Iterable[np.ndarray], events: Sequence[Event], channel: Channel
) -> Iterator[np.ndarray]:
    """The noise blocks (m,) with the calls mixed in; holds only the calls under way."""
    waiting, sounding, first = list(events[::-1]), [], 0
    longest = max((event.stop for event in events), default=0)
    for block in noise:
        last = first + len(block)
        while waiting and waiting[-1].start < last:
            event = waiting.pop()
            sounding.append((event, received(event.species, event.seed, channel, longest)))
        for event, call in sounding:
            start, stop = max(first, event.start), min(last, event.stop)
            if start < stop:
                block[start - first : stop - first] += (
                    np.float32(event.gain) * call[start - event.start : stop - event.start]
                )
        sounding = [(event, call) for event, call in sounding if event.stop > last]
        first = last
        yield block


def received(species: str, seed: np.random.SeedSequence, channel: Channel, longest: int) -> np.ndarray:
    """The call (m,) of a seed after its tape's channel; a piece of it where it is longer than `longest`."""
    rng = np.random.default_rng(seed)
    call = call_kind(species).make(rng, channel.sample_rate)
    if len(call) <= longest:
        return channel.receive(call)
    # Centred where the energy falls, so that a piece of a pulse train holds pulses.
    energy = np.cumsum(call.astype(np.float64) ** 2)
    centre = int(np.searchsorted(energy, rng.random() * energy[-1]))
    start = int(np.clip(centre - rng.integers(0, longest), 0, len(call) - longest))
    # The filter sees a tenth of a second of what was before and after, so the cut itself makes no sound.
    margin = min(start, channel.sample_rate // 10)
    piece = call[start - margin : start + longest + margin]
    return channel.receive(piece)[margin : margin + longest]


def levelled(event: Event, channel: Channel, call: np.ndarray) -> Event:
    """The event with its band and the gain that gives its SNR; `call` (n,) is as received."""
    low, high = energy_band(call, channel.sample_rate)
    signal, noise = active_power(call, channel.sample_rate, low, high), channel.noise_power(low, high)
    gain = math.sqrt(noise / signal * 10 ** (event.snr_db / 10))
    return replace(event, gain=gain, low_hz=low, high_hz=high, peak=gain * float(np.abs(call).max()))


def fitted(event: Event, room: float) -> Event:
    """The event, softer if its peak would not fit; its SNR says so. The tapes leave room, so this is rare."""
    if event.peak <= room:
        return event
    share = room / event.peak
    return replace(event, gain=event.gain * share, peak=room, snr_db=event.snr_db + 20 * math.log10(share))
