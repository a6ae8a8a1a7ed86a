"""Clips of real recordings as calls: found in their clip, cut out, and freed of what is outside their band.

    pool = real_calls(clips, species, 48_000, longest_s=10)

Clips are measured at their native rate, so that what is above the rate of the soundscape is known: a clip
with most of its energy there is left out, with a note.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import fft

from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.audio.samples import samples_of
from finback.core.errors import AudioError, InputError
from finback.core.progress import Progress, no_progress
from finback.core.text import plain_label
from finback.core.types import Clip
from finback.datasets.simulate.snr import THIRD_OCTAVE, active_power
from finback.datasets.simulate.soundscape.calls import FADE_S, KEPT, Call, Floats, faded, loudest
from finback.datasets.simulate.soundscape.extent import Extent, find_extent

LONGEST_FADE_S = 0.25
MOST_SAMPLES = 1 << 24  # of a clip that is decoded to find its loudest part
USABLE = 0.47  # of the sample rate: what a resampler passes


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
        return _read_cut(call.clip, call.filter_hz, self.sample_rate)


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
    known = {plain_label(name): name for name in reversed(there)}
    for name in species or ():
        if plain_label(name) not in known:
            raise InputError(f"no clips of '{name}'", "there are clips of: " + "; ".join(there))
    own = (name if name in there else known[plain_label(name)] for name in species or there)
    return tuple(sorted(own))


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
    margin = round(fade_s(found) * native)
    start, stop = max(0, a + found.start - margin), min(len(x), a + found.stop + margin)
    part = replace(clip, start=clip.start + start, stop=clip.start + stop)
    y = _read_cut(part, (found.low_hz, found.high_hz), sample_rate)
    first = min(len(y) - 1, round((a + found.start - start) * sample_rate / native))
    last = max(first + 1, min(len(y), round((a + found.stop - start) * sample_rate / native)))
    top = min(found.high_hz, sample_rate / 2)
    low = min(found.low_hz, top / THIRD_OCTAVE**2)
    power = active_power(y[first:last], sample_rate, low, top)
    if not power > 0:
        return "silent at the rate of the soundscape"
    peak = float(np.abs(y).max())
    filter_hz = (found.low_hz, found.high_hz)
    extent = (len(y), first, last, low, top, power, peak)
    return Call(clip.label or "", *extent, part, None, found.own_snr_db, filter_hz)


def _share_below(call: np.ndarray, rate: int, found: Extent, hz: float) -> float:
    """The share of the energy of a call (n,), in its band, that is below a frequency."""
    energy = np.abs(np.fft.rfft(call)) ** 2
    at = np.fft.rfftfreq(len(call), 1 / rate)
    inside = (at >= found.low_hz) & (at <= found.high_hz)
    total = float(energy[inside].sum())
    return float(energy[inside & (at <= hz)].sum()) / total if total > 0 else 1.0


@lru_cache(maxsize=KEPT)
def _read_cut(part: Clip, band: tuple[float, float], sample_rate: int) -> Floats:
    """The sound of a call (n,) at the rate of the soundscape, in its band, with faded ends."""
    x = remove_dc(samples_of(part).read(part.start, part.stop))
    native = part.recording.sample_rate
    return faded(resample(in_band(x, native, *band), native, sample_rate), (True, True), sample_rate)


def in_band(x: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> Floats:
    """A sound (n,) without what is outside a band: half an octave below and above it, nothing is left.

    The rumble and hum of a tape are often stronger than the call, and would come with it.
    """
    n = fft.next_fast_len(len(x) + sample_rate // 4, real=True)
    hz = np.maximum(fft.rfftfreq(n, 1 / sample_rate), 1e-6)
    outside = np.maximum(np.log2(max(low_hz, 1e-6) / hz), np.log2(hz / high_hz))  # octaves
    gain = np.cos(np.pi / 2 * np.clip(outside / 0.5, 0, 1)) ** 2
    return fft.irfft(fft.rfft(x, n) * gain, n)[: len(x)].astype(np.float32)


def fade_s(found: Extent) -> float:
    """How much sound before and after a call is kept and faded: 10 ms, more for a narrow band."""
    return min(max(FADE_S, 2 / (found.high_hz - found.low_hz)), LONGEST_FADE_S)
