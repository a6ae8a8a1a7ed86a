"""The calls that are placed in a soundscape: clips of real recordings, or simulated calls.

    pool = real_calls(clips, 48_000, longest_s=10)
    source = pool.choose("Killer whale", rng)        # what is placed: a measured clip, or a seed
    pool.samples(source)                             # (n,) float32, with faded ends

A pool knows its species and draws one of them with a random generator of the caller, so that the calls of one
species do not depend on the other species.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.audio.samples import samples_of
from finback.core.errors import AudioError, InputError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.datasets.simulate.calls import CALLS, call_kind
from finback.datasets.simulate.snr import THIRD_OCTAVE, active_power
from finback.datasets.simulate.soundscape.extent import Extent, find_extent

FADE_S = 0.01  # before and after a real call; shorter where there is less sound around it
KEPT = 16  # sounds in memory
MOST_SAMPLES = 1 << 24  # of a clip that is decoded to find its loudest part
USABLE = 0.47  # of the sample rate: what a resampler passes

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
        return cls(tuple(sorted(species)), sample_rate, longest_s)

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
    return _faded(call[start:stop], (start > 0, stop < len(call)), rate)


@dataclass(frozen=True)
class RealCalls:
    """Measured clips of each species, in an order that does not depend on their paths."""

    of_species: Mapping[str, tuple[Call, ...]]
    sample_rate: int
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All species, sorted."""
        return tuple(sorted(self.of_species))

    def choose(
        self, species: str, seed: np.random.SeedSequence, rng: np.random.Generator, share: tuple[int, int]
    ) -> Call | None:
        """A clip; all recording groups of the species are equally likely, then all clips of the group."""
        calls = self.of_species[species]
        which, n = share
        # By the name of the group alone: a group of several species is whole on one tape, and the tape of a
        # group does not depend on the other groups.
        groups = sorted({c.group for c in calls if zlib.crc32(c.group.encode()) % n == which})
        if not groups:
            return None
        group = groups[int(rng.integers(len(groups)))]
        of_group = [call for call in calls if call.group == group]
        return of_group[int(rng.integers(len(of_group)))]

    def samples(self, call: Call) -> Floats:
        """The sound of a call (n_samples,)."""
        assert call.clip is not None
        return _read_cut(call.clip, self.sample_rate)


def real_calls(
    clips: Sequence[Clip],
    species: Sequence[str] | None,
    sample_rate: int,
    longest_s: float,
    progress: Progress = no_progress,
) -> RealCalls:
    """Measure clips: their calls are found, cut out and brought to the rate of the soundscape.

    Raises `InputError` when a species has no clip that can be used.
    """
    names = check_species(clips, species)
    wanted = sorted((c for c in clips if c.label in names), key=lambda c: (c.label or "", c.key))
    found: dict[str, list[Call]] = {name: [] for name in names}
    notes = []
    for clip in progress(wanted, "measuring clips", len(wanted)):
        try:
            call = _measured(clip, sample_rate, longest_s)
        except AudioError as error:
            notes.append(f"left out: {error}")
            continue
        if isinstance(call, str):
            notes.append(f"left out: {clip.recording.path} at {clip.start_s:.2f} s ({clip.label}): {call}")
        else:
            found[clip.label or ""].append(call)
    for name in names:
        if not found[name]:
            why = next((note for note in notes if f"({name})" in note), "none can be read")
            raise InputError(f"no clip of {name} can be used ({why})", "leave the species out with --species")
    return RealCalls({name: tuple(calls) for name, calls in found.items()}, sample_rate, tuple(notes))


def check_species(clips: Sequence[Clip], species: Sequence[str] | None) -> tuple[str, ...]:
    """The species of the soundscape, sorted. Raises `InputError` when one of them has no clips."""
    there = sorted({clip.label for clip in clips if clip.label})
    if not there:
        raise InputError("there are no labelled clips for the soundscape", "check --labels and --subset")
    for name in species or ():
        if name not in there:
            raise InputError(f"no clips of '{name}'", "there are clips of: " + ", ".join(there))
    return tuple(sorted(species)) if species else tuple(there)


def digest_of(clips: Sequence[Clip]) -> str:
    """16 hex digits of the sounds, species and groups of clips."""
    rows = sorted(repr([clip.key, clip.label, clip.group_key]) for clip in clips)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=8).hexdigest()


def _measured(clip: Clip, sample_rate: int, longest_s: float) -> Call | str:
    """The call in a clip, or why there is none."""
    native = clip.recording.sample_rate
    stop = min(clip.stop, clip.start + MOST_SAMPLES)
    x = remove_dc(samples_of(clip).read(clip.start, stop))
    a, b = loudest(x, max(1, round(longest_s * native)))
    found = find_extent(x[a:b], native)
    if found is None:
        return "silent"
    if (kept := _share_below(x[a + found.start : a + found.stop], native, found, USABLE * sample_rate)) < 0.5:
        return f"{1 - kept:.0%} of its energy is above {USABLE * sample_rate:.0f} Hz, too high for the rate"
    margin = round(FADE_S * native)
    start, stop = max(0, a + found.start - margin), min(len(x), a + found.stop + margin)
    part = replace(clip, start=clip.start + start, stop=clip.start + stop)
    y = _read_cut(part, sample_rate)
    first = min(len(y) - 1, round((a + found.start - start) * sample_rate / native))
    last = max(first + 1, min(len(y), round((a + found.stop - start) * sample_rate / native)))
    top = min(found.high_hz, sample_rate / 2)
    low = min(found.low_hz, top / THIRD_OCTAVE**2)
    power = active_power(y[first:last], sample_rate, low, top)
    if not power > 0:
        return "silent at the rate of the soundscape"
    peak = float(np.abs(y).max())
    return Call(clip.label or "", len(y), first, last, low, top, power, peak, part, None, found.own_snr_db)


def _share_below(call: np.ndarray, rate: int, found: Extent, hz: float) -> float:
    """The share of the energy of a call (n,), in its band, that is below a frequency."""
    energy = np.abs(np.fft.rfft(call)) ** 2
    at = np.fft.rfftfreq(len(call), 1 / rate)
    inside = (at >= found.low_hz) & (at <= found.high_hz)
    total = float(energy[inside].sum())
    return float(energy[inside & (at <= hz)].sum()) / total if total > 0 else 1.0


@lru_cache(maxsize=KEPT)
def _read_cut(part: Clip, sample_rate: int) -> Floats:
    """The sound of a call (n,) at the rate of the soundscape, with faded ends."""
    x = remove_dc(samples_of(part).read(part.start, part.stop))
    return _faded(resample(x, part.recording.sample_rate, sample_rate), (True, True), sample_rate)


def loudest(x: np.ndarray, longest: int) -> tuple[int, int]:
    """The part (start, stop) of a sound (n,) of at most `longest` samples that has the most energy."""
    if len(x) <= longest:
        return 0, len(x)
    total = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(total[longest:] - total[:-longest]))
    return start, start + longest


def _faded(x: np.ndarray, ends: tuple[bool, bool], sample_rate: int) -> Floats:
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
