"""The calls that are placed in a soundscape: clips of real recordings, or simulated calls.

    pool = SimulatedCalls.of(None, 48_000, longest_s=10)       # or clips.real_calls(...)
    source = pool.choose("Killer whale", rng)        # what is placed: a measured clip, or a seed
    pool.samples(source)                             # (n,) float32, with faded ends

A pool knows its species and draws one of them with a random generator of the caller, so that the calls of one
species do not depend on the other species.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError
from finback.core.types import Clip
from finback.datasets.simulate.calls import CALLS, call_kind, call_name
from finback.datasets.simulate.soundscape.extent import Extent, find_extent

FADE_S = 0.01  # at the ends of a call; shorter where there is less sound around it
KEPT = 16  # sounds in memory

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Call:
    """What is placed: the part `clip` of a recording, or the simulated call of a seed.

    The true call is samples `first` to `last` of its sound at the rate of the soundscape, in the band from
    `low_hz` to `high_hz`, with the mean power `power` there (see `datasets.simulate.snr`).
    """

    species: str
    n_samples: int
    first: int
    last: int
    low_hz: float
    high_hz: float
    power: float
    peak: float
    clip: Clip | None = None
    seed: np.random.SeedSequence | None = None
    own_snr_db: float | None = None
    filter_hz: tuple[float, float] = (0.0, 0.0)  # of a clip: its band, also where the rate cuts it

    @property
    def group(self) -> str:
        """The recording group of the clip; "" for a simulated call."""
        return self.clip.group_key if self.clip else ""


class Pool(Protocol):
    """Calls of some species. `notes` say what was left out."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def choose(
        self, species: str, seed: np.random.SeedSequence, rng: np.random.Generator, share: tuple[int, int]
    ) -> Call | None:
        """A call; `share` (i, n): of the i-th of n parts of the recording groups. None: that has none."""
        ...

    def samples(self, call: Call) -> Floats:
        """The sound of a call (n_samples,)."""
        ...


@dataclass(frozen=True)
class SimulatedCalls:
    """Simulated calls (`datasets.simulate.calls`), a new animal each time."""

    names: tuple[str, ...]
    sample_rate: int
    longest_s: float
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, species: Sequence[str] | None, sample_rate: int, longest_s: float) -> SimulatedCalls:
        """Raises `InputError` for a species that is not simulated, or whose call needs a higher rate."""
        if species is None:
            names = tuple(name for name, kind in CALLS.items() if kind.min_rate <= sample_rate)
            if not names:
                raise InputError(f"no call can be simulated at {sample_rate} Hz", "give 1000 Hz or more")
            return cls(names, sample_rate, longest_s)
        for name in species:
            if (least := call_kind(name).min_rate) > sample_rate:
                raise InputError(
                    f"{name}: its call needs a sample rate of {least} Hz or more, not {sample_rate} Hz",
                    f"give --sample-rate {least}, or leave the species out",
                )
        return cls(tuple(sorted(map(call_name, species))), sample_rate, longest_s)

    def choose(
        self, species: str, seed: np.random.SeedSequence, rng: np.random.Generator, share: tuple[int, int]
    ) -> Call | None:
        """A call of an animal that no other call is of, so every share has its own."""
        x = _simulated(species, tuple(seed.spawn_key), seed.entropy, self.sample_rate, self.longest_s)
        found = find_extent(x, self.sample_rate)
        if found is None:
            return None
        return _call(species, x, found, seed=seed)

    def samples(self, call: Call) -> Floats:
        """The sound of a call (n_samples,)."""
        assert call.seed is not None
        seed = call.seed
        return _simulated(call.species, tuple(seed.spawn_key), seed.entropy, self.sample_rate, self.longest_s)


@lru_cache(maxsize=KEPT)
def _simulated(species: str, key: tuple[int, ...], entropy: int, rate: int, longest_s: float) -> Floats:
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))
    call = call_kind(species).make(rng, rate)
    start, stop = loudest(call, max(1, round(longest_s * rate)))
    return faded(call[start:stop], (start > 0, stop < len(call)), rate)


def loudest(x: np.ndarray, longest: int) -> tuple[int, int]:
    """The part (start, stop) of a sound (n,) of at most `longest` samples that has the most energy."""
    if len(x) <= longest:
        return 0, len(x)
    total = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(total[longest:] - total[:-longest]))
    return start, start + longest


def faded(x: np.ndarray, ends: tuple[bool, bool], sample_rate: int) -> Floats:
    """A sound (n,) whose beginning and end rise and fall smoothly, so that it does not click."""
    y = np.array(x, np.float32)
    n = max(1, min(round(FADE_S * sample_rate), len(y) // 8))
    ramp = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    if ends[0] and len(y) > 8:
        y[:n] *= ramp
    if ends[1] and len(y) > 8:
        y[-n:] *= ramp[::-1]
    return y


def _call(species: str, x: Floats, found: Extent, seed: np.random.SeedSequence) -> Call:
    peak = float(np.abs(x).max())
    band = (found.low_hz, found.high_hz)
    return Call(species, len(x), found.start, found.stop, *band, found.power, peak, seed=seed)
