"""What a journal knows of each file: which windows were analysed, which could not be, and where this is.

A file is in the same state as before when size, time and digest are the same. A file that grew keeps the
windows that do not depend on its old end. Results of any other state of the file are not used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from finback.scan.grid import Grid
from finback.scan.header import JournalHeader
from finback.scan.spans import Problem, ScannedFile, Span


class Place(NamedTuple):
    """A row of a part."""

    path: Path
    row: int


class Piece(NamedTuple):
    """Windows `first` to `last` of a segment: they begin at `offset` in their row of a part."""

    first: int
    last: int
    place: Place
    offset: int


@dataclass(frozen=True, slots=True)
class Row:
    span: Span
    place: Place
    attempt: int
    error: str
    is_new: bool  # written since the journal was opened


Segment = tuple[Grid, list[Piece]]


def identity(file: ScannedFile) -> tuple[int, int, str]:
    """What is equal for a file that did not change: size, time and digest."""
    return file.size, file.modified_ns, file.digest


def segments_of(file: ScannedFile) -> list[tuple[int, int]]:
    """(start, stop) of the stretches of a file without a gap: all of it, or its duty cycles."""
    bounds = sorted({0, *(first for first, _ in file.schedule if 0 <= first < file.n_samples)})
    return list(zip(bounds, [*bounds[1:], file.n_samples], strict=True)) if file.n_samples else []


class Known:
    """Filled row by row, by `add`."""

    def __init__(self, header: JournalHeader) -> None:
        self.header = header
        self.is_open = False  # rows that come from now on are new
        self._rows: dict[str, list[Row]] = defaultdict(list)

    def add(self, span: Span, place: Place, attempt: int, error: str) -> None:
        """A row of a part."""
        self._rows[span.file.path].append(Row(span, place, attempt, error, self.is_open))

    def paths(self) -> list[str]:
        """All files of which there are rows."""
        return list(self._rows)

    def newest(self, path: str) -> ScannedFile:
        """The newest state of a file of which there are rows."""
        states = (row.span.file for row in self._rows[path])
        return max(states, key=lambda file: (file.modified_ns, file.size, file.digest))

    def remaining(self, span: Span, retry: bool = True) -> list[Span]:
        """The parts of a span that were not analysed. Without `retry` less those that were tried since the
        journal was opened."""
        rows = [row for row in self._rows.get(span.file.path, ()) if _same_place(row.span, span)]
        covered = [(p.first, p.last) for row in rows if not row.error and (p := self._usable(row, span))]
        if not retry:
            covered += [
                (row.span.first, row.span.last)
                for row in rows
                if row.error and row.is_new and identity(row.span.file) == identity(span.file)
            ]
        return [replace(span, first=a, last=b) for a, b in _gaps(span.first, span.last, covered)]

    def attempts(self, span: Span) -> int:
        """How often a part of a span could not be analysed."""
        return max(
            (
                row.attempt
                for row in self._rows.get(span.file.path, ())
                if row.error
                and _same_place(row.span, span)
                and row.span.first < span.last > span.first
                and row.span.last > span.first
            ),
            default=0,
        )

    def analysed(self, file: ScannedFile) -> Iterator[tuple[int | None, list[Segment]]]:
        """(channel, segments) with what was analysed of a file in this state, sorted by channel."""
        rows = [row for row in self._rows.get(file.path, ()) if not row.error]
        for channel in sorted({row.span.channel for row in rows}, key=lambda c: -1 if c is None else c):
            segments = []
            for span in self._whole(file, channel):
                own = [row for row in rows if _same_place(row.span, span)]
                pieces = _apart(piece for row in own if (piece := self._usable(row, span)))
                if pieces:
                    segments.append((Grid.of(span), pieces))
            if segments:
                yield channel, segments

    def problems(self, file: ScannedFile) -> list[Problem]:
        """What could not be analysed of a file in this state, with the newest reasons."""
        rows = [
            row
            for row in self._rows.get(file.path, ())
            if row.error and identity(row.span.file) == identity(file)
        ]
        found = []
        for channel in sorted({row.span.channel for row in rows}, key=lambda c: -1 if c is None else c):
            for span in self._whole(file, channel):
                own = [row for row in rows if _same_place(row.span, span)]
                own.sort(key=lambda row: (row.attempt, row.error))
                found += [
                    Problem(file, channel, start, stop, own[i].error)
                    for i, start, stop in self._unheard(span, own)
                ]
        return found

    def _unheard(self, span: Span, failed: list[Row]) -> Iterator[tuple[int, int, int]]:
        """(first row, first sample, last sample) of runs of windows not analysed, of one segment."""
        if not failed:
            return
        which = np.full(span.last, -1)
        for i, row in enumerate(failed):
            which[row.span.first : row.span.last] = i
        for gap in [*self.remaining(span), None]:
            if gap is None:
                return
            part = which[gap.first : gap.last]
            edges = [0, *(np.flatnonzero(np.diff(part >= 0)) + 1), len(part)]  # neighbours are one problem
            grid = Grid.of(span)
            for a, b in pairwise(edges):
                if part[a] >= 0:
                    first, last = gap.first + int(a), gap.first + int(b)
                    start, stop = grid.starts(first, first + 1)[0], grid.cell_stops(last - 1, last)[0]
                    yield int(part[a]), int(start), int(stop)

    def _whole(self, file: ScannedFile, channel: int | None) -> list[Span]:
        """Each segment of a file as one span."""
        window, hop = self.header.window_in(file.sample_rate), self.header.hop_in(file.sample_rate)
        return [
            Span(file, channel, start, stop, window, hop, 0, Grid(start, stop, window, hop).n_windows)
            for start, stop in segments_of(file)
        ]

    def _usable(self, row: Row, span: Span) -> Piece | None:
        """The windows of a row that are the same in the segment of `span`."""
        old, grid = row.span, Grid.of(row.span)
        last = old.last
        if identity(old.file) != identity(span.file):
            if identity(old.file) not in span.file.grown_from:
                return None
            if old.stop != span.stop:
                reach = math.ceil(self.header.context_s * old.file.sample_rate)
                whole = (old.stop - old.start - max(reach, old.window)) // old.hop + 1
                last = min(last, grid.n_regular, max(0, whole))
        elif old.stop != span.stop:
            return None
        return Piece(old.first, last, row.place, 0) if last > old.first else None


def _same_place(one: Span, other: Span) -> bool:
    places = (one.channel, one.start, one.window, one.hop)
    return places == (other.channel, other.start, other.window, other.hop)


def _gaps(first: int, last: int, covered: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of `first` to `last` the intervals leave."""
    at = first
    for a, b in sorted(covered):
        if a > at:
            yield at, min(a, last)
        at = max(at, b)
        if at >= last:
            return
    if at < last:
        yield at, last


def _apart(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces in order, without windows that another piece has too."""
    found: list[Piece] = []
    at = 0
    for piece in sorted(pieces):
        first = max(piece.first, at)
        if piece.last > first:
            found.append(Piece(first, piece.last, piece.place, piece.offset + first - piece.first))
            at = piece.last
    return found
