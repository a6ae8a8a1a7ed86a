"""How much of a recording was analysed, what was skipped and why: the effort, in whole samples.

    coverage = coverage_of(state, channel, sound, problems, settings)
    coverage.samples()                  # (K,) samples of each `Kind`; they add up to the recording
    for part in hours_of(coverage):     # the same for each hour of UTC, or from the beginning of the file
        part.hour, part.microseconds

Every sample of a channel is of one kind. A cell with several faults counts once, by the first one in the
order of `Kind`. A recorder that sleeps records nothing then: a sleep is neither effort nor skipped.

Seconds are written with six decimals. Each kind is rounded where it has been counted to, so the rows of the
hours add up to the row of the file exactly, and so do the columns of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finback.scan.known import segments_of
from finback.scan.spans import Cells, Fault, FileState, Problem, ScannedFile, ScoredSound

MICRO = 1_000_000
HOUR_US = 3600 * MICRO
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Counts = NDArray[np.int64]


class Kind(IntEnum):
    """What became of a sample."""

    ANALYSED = 0
    OFFSET = 1  # analysed, after a large constant offset was removed
    SILENT = 2
    DROPOUT = 3
    CLIPPED = 4
    UNREADABLE = 5
    BAND_MISSING = 6  # the settings leave the file out
    NOT_YET = 7  # not analysed yet: the scan is not finished


N_KINDS = len(Kind)
EFFORT_KINDS = (Kind.ANALYSED, Kind.OFFSET)
SKIPPED = tuple(kind for kind in Kind if kind not in EFFORT_KINDS)
SKIPPED_WORDS = {
    Kind.SILENT: "digital silence",
    Kind.DROPOUT: "dropouts of the recorder",
    Kind.CLIPPED: "clipping",
    Kind.UNREADABLE: "unreadable",
    Kind.BAND_MISSING: "band missing",
    Kind.NOT_YET: "not analysed yet",
}
_OF_FAULT = (
    (Fault.SILENT, Kind.SILENT),
    (Fault.DROPOUT, Kind.DROPOUT),
    (Fault.CLIPPED, Kind.CLIPPED),
    (Fault.UNREADABLE, Kind.UNREADABLE),
    (Fault.OFFSET, Kind.OFFSET),
)


@dataclass(frozen=True, eq=False, slots=True)
class Coverage:
    """One channel of a file: samples `edges[i]` to `edges[i + 1]` are of `kinds[i]`; neighbours differ."""

    file: ScannedFile
    channel: int | None
    edges: Counts  # (N + 1,) from 0 to the length of the file
    kinds: NDArray[np.uint8]  # (N,)

    def samples(self) -> Counts:
        """(K,) samples of each kind."""
        lengths = np.diff(self.edges)
        return np.bincount(self.kinds, weights=lengths, minlength=N_KINDS).astype(np.int64)

    def before(self, positions: Counts) -> Counts:
        """(P, K) samples of each kind before each of these positions, which are in the file."""
        steps = np.zeros((len(self.edges), N_KINDS), np.int64)
        steps[np.arange(1, len(self.edges)), self.kinds] = np.diff(self.edges)
        total = steps.cumsum(axis=0)
        at = np.clip(np.searchsorted(self.edges, positions, side="right") - 1, 0, len(self.edges) - 1)
        counts = total[at]
        inside = at < len(self.kinds)
        rows = np.flatnonzero(inside)
        counts[rows, self.kinds[at[rows]]] += positions[rows] - self.edges[at[rows]]
        return counts

    def analysed(self) -> list[tuple[int, int]]:
        """(start, stop) of the stretches that were analysed, in samples."""
        return [
            (int(a), int(b))
            for (a, b), kind in zip(pairwise(self.edges), self.kinds, strict=True)
            if kind in EFFORT_KINDS
        ]


@dataclass(frozen=True, eq=False, slots=True)
class HourOfEffort:
    """Microseconds (K,) of each kind in one hour: of UTC, or counted from the beginning of the file."""

    hour: datetime | None  # UTC; None: the start of the file is unknown
    hour_of_file: int | None  # from 0; None: `hour` is known
    microseconds: Counts


def coverage_of(
    state: FileState, channel: int | None, sound: Cells | ScoredSound | None, problems: Iterable[Problem] = ()
) -> Coverage:
    """What became of each sample of one channel; `problems` are those of this file and channel."""
    n = state.file.n_samples
    rest = Kind.NOT_YET
    if state.reason:
        rest = Kind.BAND_MISSING if state.was_skipped else Kind.UNREADABLE
    spots = [(max(0, p.start), min(n, p.stop)) for p in problems]
    cuts = [np.array([0, n, *(cut for spot in spots for cut in spot)], np.int64)]
    if sound is not None:
        cuts += [sound.start, np.minimum(sound.cell_stop, n)]
    edges = np.unique(np.concatenate(cuts))
    kinds = np.full(len(edges) - 1, rest, np.uint8)
    for start, stop in spots:
        first, last = np.searchsorted(edges, [start, stop])
        kinds[first:last] = Kind.UNREADABLE
    if sound is not None and len(sound.start):
        cell = np.searchsorted(sound.start, edges[:-1], side="right") - 1
        inside = (cell >= 0) & (sound.cell_stop[cell] >= edges[1:])
        kinds[inside] = _kinds(sound.faults)[cell[inside]]
    return _merged(Coverage(state.file, channel, edges, kinds))


def _kinds(faults: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(W,) the kind of cells with these faults."""
    kinds = np.full(len(faults), Kind.ANALYSED, np.uint8)
    for fault, kind in reversed(_OF_FAULT):
        kinds[faults & fault != 0] = kind
    return kinds


def _merged(coverage: Coverage) -> Coverage:
    """Without edges between neighbours of one kind."""
    kinds = coverage.kinds
    if not len(kinds):
        return coverage
    changes = np.flatnonzero(np.diff(kinds.astype(np.int16))) + 1
    edges = coverage.edges[np.concatenate([[0], changes, [len(kinds)]])]
    return Coverage(coverage.file, coverage.channel, edges, kinds[np.concatenate([[0], changes])])


def timed_segments(file: ScannedFile) -> list[tuple[int, int, int | None]]:
    """(first sample, last sample, UTC in microseconds since 1970 or None) of each stretch without a gap."""
    times = {0: file.start_time, **dict(file.schedule)}
    found = []
    for start, stop in segments_of(file):
        when = times.get(start)
        found.append((start, stop, None if when is None else microseconds(when)))
    return found


def microseconds(when: datetime) -> int:
    """Microseconds from 1970 to this moment."""
    return (when - EPOCH) // timedelta(microseconds=1)


def moment_at(us: int) -> datetime:
    """The moment so many microseconds after 1970, in UTC."""
    return EPOCH + timedelta(microseconds=us)


def us_of(samples: int, sample_rate: int) -> int:
    """Samples in microseconds, rounded."""
    return (2 * samples * MICRO + sample_rate) // (2 * sample_rate)


def heard_utc(coverages: Sequence[Coverage]) -> list[tuple[int, int]]:
    """(start, stop) in microseconds since 1970 of what was analysed on any channel of a file, in order.

    Empty where the start of the file is unknown.
    """
    stretches = joined(stretch for coverage in coverages for stretch in coverage.analysed())
    if not stretches:
        return []
    file, found = coverages[0].file, []
    for first, last, us in timed_segments(file):
        for start, stop in stretches if us is not None else ():
            a, b = max(first, start), min(last, stop)
            if a < b and us is not None:
                rate = file.sample_rate
                found.append((us + us_of(a - first, rate), us + us_of(b - first, rate)))
    return joined(found)


def joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def hours_of(coverage: Coverage) -> Iterator[HourOfEffort]:
    """The effort of each hour that the file has samples in, in the order of the samples."""
    rate = coverage.file.sample_rate
    samples: dict[tuple[bool, int], Counts] = {}
    for first, last, us in timed_segments(coverage.file):
        cuts, numbers = _hour_cuts(first, last, us, rate)
        counts = np.diff(coverage.before(np.array(cuts, np.int64)), axis=0)
        for number, own in zip(numbers, counts, strict=True):
            key = (us is not None, number)
            samples[key] = samples.get(key, 0) + own
    done = np.zeros(N_KINDS, np.int64)
    for (is_utc, number), own in samples.items():
        before, done = done, done + own
        us_row = np.array(
            [us_of(int(b), rate) - us_of(int(a), rate) for a, b in zip(before, done, strict=True)]
        )
        hour = moment_at(number * HOUR_US) if is_utc else None
        yield HourOfEffort(hour, None if is_utc else number, us_row)


def total_us(coverage: Coverage) -> Counts:
    """(K,) microseconds of each kind in the whole file."""
    rate = coverage.file.sample_rate
    return np.array([us_of(int(n), rate) for n in coverage.samples()] if rate else [0] * N_KINDS, np.int64)


def _hour_cuts(first: int, last: int, us: int | None, rate: int) -> tuple[list[int], list[int]]:
    """Where the hours of a stretch begin, with its end, and their numbers: since 1970, or in the file."""
    if us is None:
        numbers = list(range(first // (3600 * rate), (last - 1) // (3600 * rate) + 1))
        cuts = [max(first, number * 3600 * rate) for number in numbers]
        return [*cuts, last], numbers
    cuts, numbers = [first], [us // HOUR_US]
    while True:
        ahead = (numbers[-1] + 1) * HOUR_US - us
        cut = first - (-ahead * rate // MICRO)  # the first sample that begins in the next hour
        if cut >= last:
            return [*cuts, last], numbers
        if cut > cuts[-1]:
            cuts.append(cut)
            numbers.append(numbers[-1] + 1)
        else:  # at a very low rate no sample begins in an hour
            numbers[-1] += 1
