"""The tables of a soundscape: its truth, and the spans to train on.

`truth.csv` has every call with its true extent, its band, its SNR and where its sound is from. The truth is
exhaustive: there is no call that it does not list. `labels.csv` has spans to train on: a window around each
call, and as many windows without any call, labelled "background". A window that holds calls of two species
is left out, because its label would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from finback.core.types import Event
from finback.datasets.simulate.soundscape.plan import WINDOWS, Placed, Tape, seed_of
from finback.datasets.simulate.soundscape.settings import SoundscapeSettings

BACKGROUND = "background"
TRUTH = (
    "file", "start_s", "end_s", "species", "low_hz", "high_hz", "channel", "snr_db", "exhaustive", "overlaps",
    "start_time", "start_sample", "stop_sample", "source_file", "source_recording", "source_start",
    "source_stop", "source_rate", "source_group", "source_snr_db", "file_duration_s", "file_start_time",
)  # fmt: skip
FILES = ("file", "duration_s", "start_time", "exhaustive", "calls")
LABELS = ("file", "species", "group", "start_s", "end_s", "channel")


def truth_rows(tape: Tape, settings: SoundscapeSettings, sample_rate: int) -> list[tuple[Any, ...]]:
    """The rows of a tape in `truth.csv`."""
    name, start = settings.name_of(tape.number), settings.start_of(tape.number)
    rows = []
    for one in tape.calls:
        call = one.call
        begin, end = one.first / sample_rate, one.last / sample_rate
        time = (start + timedelta(seconds=begin)).isoformat(timespec="milliseconds")
        source: tuple[Any, ...] = ("simulated", "", None, None, None, "", None)
        if call.clip is not None:
            r = call.clip.recording
            own = None if call.own_snr_db is None else f"{call.own_snr_db:.2f}"
            source = (r.path.name, r.id, call.clip.start, call.clip.stop, r.sample_rate, call.group, own)
        band = (f"{call.low_hz:.2f}", f"{call.high_hz:.2f}")
        measured = (one.channel, f"{one.snr_db:.2f}", "yes", one.overlaps)
        place = (time, one.first, one.last)
        of_file = (tape.n_samples / sample_rate, start.isoformat())
        rows.append((name, begin, end, call.species, *band, *measured, *place, *source, *of_file))
    return rows


def file_row(tape: Tape, settings: SoundscapeSettings, sample_rate: int) -> tuple[Any, ...]:
    """The row of a tape in `files.csv`: also a tape without calls is annotated in full."""
    start = settings.start_of(tape.number).isoformat()
    return settings.name_of(tape.number), tape.n_samples / sample_rate, start, "yes", len(tape.calls)


@dataclass(frozen=True, slots=True)
class TapeFile:
    """A tape, as far as a table of `data.formats` needs it."""

    path: str
    sample_rate: int
    n_samples: int


def truth_events(tape: Tape, settings: SoundscapeSettings, sample_rate: int) -> list[Event]:
    """The calls of a tape as events, for the formats of other programs."""
    start = settings.start_of(tape.number)
    return [
        Event(
            settings.name_of(tape.number), one.first / sample_rate, one.last / sample_rate, one.call.species,
            one.call.low_hz, one.call.high_hz, one.channel, snr_db=one.snr_db,
            start_time=start + timedelta(seconds=one.first / sample_rate),
            stop_time=start + timedelta(seconds=one.last / sample_rate),
        )
        for one in tape.calls
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """Samples `start` to `stop` of a channel of a tape, and what is in them."""

    tape: int
    channel: int
    start: int
    stop: int
    label: str


def training_windows(
    tape: Tape, settings: SoundscapeSettings, sample_rate: int
) -> tuple[list[Window], list[Window], int]:
    """Windows with calls of one species, all windows without a call, and the number of windows left out."""
    n = min(round(settings.window_s * sample_rate), tape.n_samples)
    calls: list[Window] = []
    free: list[Window] = []
    mixed = 0
    for channel in range(settings.channels):
        there = [one for one in tape.calls if one.channel == channel]
        rng = np.random.default_rng(seed_of(settings, "", tape.number, WINDOWS, channel))
        places = rng.random(len(there))
        found = [_around(one, p, n, tape) for one, p in zip(there, places.tolist(), strict=True)]
        several = _with_other_species(found, there)
        calls += [w for w, bad in zip(found, several, strict=True) if not bad]
        mixed += sum(several)
        free += [
            Window(tape.number, channel, start, start + n, BACKGROUND)
            for start in _free(there, n, tape.n_samples)
        ]
    return calls, free, mixed


def _around(one: Placed, place: float, n: int, tape: Tape) -> Window:
    """A window of n samples with a call at a place (0..1) in it; a longer call is a window of its own."""
    slack = n - (one.last - one.first)
    if slack <= 0:
        return Window(tape.number, one.channel, one.first, one.last, one.call.species)
    start = min(max(0, one.first - round(place * slack)), tape.n_samples - n)
    return Window(tape.number, one.channel, start, start + n, one.call.species)


def _with_other_species(windows: Sequence[Window], calls: Sequence[Placed]) -> list[bool]:
    """Whether a call of another species lies in each window; calls are in order of time."""
    longest = max((one.last - one.first for one in calls), default=0)
    firsts = np.array([one.first for one in calls])
    found = []
    for window in windows:
        low = int(np.searchsorted(firsts, window.start - longest))
        high = int(np.searchsorted(firsts, window.stop))
        found.append(any(c.last > window.start and c.call.species != window.label for c in calls[low:high]))
    return found


def _free(calls: Iterable[Placed], n: int, n_samples: int) -> list[int]:
    """First samples of windows of n samples, one after another, without a call."""
    starts: list[int] = []
    at = 0
    for one in calls:  # the whole sound, also its faded ends
        starts += range(at, one.start - n + 1, n)
        at = max(at, one.start + one.call.n_samples)
    return [*starts, *range(at, n_samples - n + 1, n)]


def chosen(free: Sequence[Window], wanted: int, settings: SoundscapeSettings) -> list[Window]:
    """At most `wanted` of the windows without a call, drawn at random, in order."""
    rng = np.random.default_rng(seed_of(settings, BACKGROUND, WINDOWS))
    picked = rng.permutation(len(free))[:wanted]
    return [free[i] for i in sorted(picked.tolist())]


def label_rows(
    windows: Iterable[Window], settings: SoundscapeSettings, sample_rate: int, groups: Sequence[str]
) -> list[tuple[Any, ...]]:
    """The rows of windows in `labels.csv`; `groups` are those of the tapes."""
    return [
        (
            settings.name_of(w.tape), w.label, groups[w.tape], w.start / sample_rate, w.stop / sample_rate,
            None if settings.channels == 1 else w.channel,
        )
        for w in windows
    ]  # fmt: skip


def tape_groups(tapes: Sequence[Tape], settings: SoundscapeSettings) -> list[str]:
    """The group of each tape: tapes that share a source recording group or a noise file are one group."""
    group = list(range(len(tapes)))
    owner: dict[str, int] = {}
    for i, tape in enumerate(tapes):
        keys = {"call " + one.call.group for one in tape.calls if one.call.group}
        keys |= {"noise " + file for file in tape.noise_files}
        for key in sorted(keys):
            j = owner.setdefault(key, i)
            a, b = group[i], group[j]
            group = [min(a, b) if g in (a, b) else g for g in group]
    return [settings.name_of(g).rsplit(".", 1)[0] for g in group]
