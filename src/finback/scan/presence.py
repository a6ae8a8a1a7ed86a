"""Presence per hour and per day: which species were found at a site, and how long was listened.

    presence = Presence(utc_hours(), ("Fin whale", "Humpback whale"))
    presence.add("site1", analysed, detections)          # of one file; times in microseconds since 1970
    for row in presence.rows(least_s=600):
        row.site, row.start, row.effort_us, row.values     # each 1, 0 or None (NA: no effort)

An event counts in each hour (or day) that holds a part of it. Effort is the time that was analysed on any
channel of any file of the site, so two copies of a recording count once. 0 means analysed, not detected, and
needs effort; an hour without effort, or with less than the least effort, says nothing about absence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

from finback.scan.effort import HOUR_US, MICRO, joined, microseconds, moment_at

LONGEST_GAP_D = 366  # days without any recording of a site that are listed as rows
ONE_SITE = "all"


@dataclass(frozen=True, slots=True)
class Bins:
    """Hours or days: `of` is the number of a moment's bin, `start` the beginning of a bin, `name` its text.

    Moments are microseconds since 1970; neighbours in time have neighbouring numbers.
    """

    unit: str  # "hour" or "day"
    of: Callable[[int], int]
    start: Callable[[int], int]
    name: Callable[[int], str]
    per_day: int


def utc_hours() -> Bins:
    """Hours of UTC."""
    return Bins(
        "hour", lambda us: us // HOUR_US, lambda n: n * HOUR_US, lambda n: iso_z(moment_at(n * HOUR_US)), 24
    )


def days(zone: tzinfo = UTC) -> Bins:
    """Days of a time zone; a day may have 23 or 25 hours there."""

    @lru_cache(maxsize=4096)
    def start(number: int) -> int:
        midnight = datetime.combine(date.fromordinal(number), time(), zone)
        return microseconds(midnight.astimezone(UTC))

    def of(us: int) -> int:
        number = moment_at(us).astimezone(zone).date().toordinal()
        # Where clocks skip midnight, a day begins at the first moment that clocks show.
        return number - 1 if us < start(number) else number + 1 if us >= start(number + 1) else number

    return Bins("day", of, start, lambda number: date.fromordinal(number).isoformat(), 1)


def iso_z(when: datetime) -> str:
    """`2009-03-29T12:00:00Z`; with fractions of a second where there are any."""
    return when.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


@dataclass(frozen=True, slots=True)
class Detection:
    """A detection in UTC, in microseconds since 1970."""

    label: str
    start: int
    stop: int


@dataclass(slots=True)
class _Cell:
    analysed: list[tuple[int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """One hour or day of a site. `values` and `counts` are in the order of the species."""

    site: str
    number: int  # of the bin
    name: str
    start: int  # microseconds since 1970
    stop: int
    effort_us: int
    values: tuple[int | None, ...]  # 1 detected, 0 analysed and not detected, None: not enough effort
    counts: tuple[int, ...]  # of events


class Presence:
    """See the module. Memory grows with the hours or days that were recorded, not with the events."""

    def __init__(self, bins: Bins, species: Sequence[str]) -> None:
        self.bins, self.species = bins, tuple(species)
        self._cells: dict[str, dict[int, _Cell]] = {}
        self.left_out: dict[str, int] = {}  # by site: bins of long gaps that are no rows

    def add(
        self,
        site: str,
        recorded: Iterable[tuple[int, int]],
        analysed: Iterable[tuple[int, int]],
        detections: Iterable[Detection],
    ) -> None:
        """Add a file: when it recorded, when it was analysed, and what was detected."""
        cells = self._cells.setdefault(site, {})
        for start, stop in recorded:
            for number, _, _ in self._parts(start, stop):
                cells.setdefault(number, _Cell())
        for start, stop in analysed:
            for number, a, b in self._parts(start, stop):
                cell = cells.setdefault(number, _Cell())
                if cell.analysed and a <= cell.analysed[-1][1]:
                    cell.analysed = joined([*cell.analysed, (a, b)])
                else:
                    cell.analysed.append((a, b))
        for event in detections:
            for number, _, _ in self._parts(event.start, max(event.stop, event.start + 1)):
                counts = cells.setdefault(number, _Cell()).counts
                counts[event.label] = counts.get(event.label, 0) + 1

    def rows(self, least_s: float = 0.0) -> Iterator[PresenceRow]:
        """All rows, by site and time, from the first to the last recording of each site.

        A species that was not detected is 0 only where the effort is above 0 and at least `least_s`. Gaps of
        more than a year are no rows; `left_out` says how many.
        """
        for site in sorted(self._cells):
            cells = self._cells[site]
            for number in self._numbers(site, sorted(cells)):
                yield self._row(site, number, cells.get(number) or _Cell(), round(least_s * MICRO))

    def _numbers(self, site: str, known: list[int]) -> Iterator[int]:
        longest = LONGEST_GAP_D * self.bins.per_day
        last: int | None = None
        self.left_out.pop(site, None)
        for number in known:
            if last is not None and number - last <= longest:
                yield from range(last + 1, number)
            elif last is not None:
                self.left_out[site] = self.left_out.get(site, 0) + number - last - 1
            yield number
            last = number

    def _row(self, site: str, number: int, cell: _Cell, least_us: int) -> PresenceRow:
        effort = sum(stop - start for start, stop in joined(cell.analysed))
        counts = tuple(cell.counts.get(name, 0) for name in self.species)
        absent = 0 if effort and effort >= least_us else None
        values = tuple(1 if n else absent for n in counts)
        start, stop = self.bins.start(number), self.bins.start(number + 1)
        return PresenceRow(site, number, self.bins.name(number), start, stop, effort, values, counts)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(bin, start, stop) of the parts of a stretch of time."""
        number = self.bins.of(start)
        while start < stop:
            end = min(stop, self.bins.start(number + 1))
            if end > start:
                yield number, start, end
            start, number = end, number + 1


def site_names(paths: Sequence[str], site: str = ONE_SITE, by_folder: bool = False) -> Callable[[str], str]:
    """The site of a file: one name for all, or the first folder below the one that all files are in.

    A file that lies in the common folder itself has that folder's name.
    """
    if not by_folder:
        return lambda path: site
    parents = [_folders(path) for path in paths]
    shared = 0
    while parents and all(len(p) > shared and p[shared] == parents[0][shared] for p in parents):
        shared += 1

    def of(path: str) -> str:
        folders = _folders(path)
        below = folders[shared : shared + 1] or folders[-1:]
        return below[0] if below else site

    return of


def _folders(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/")[:-1] if part]
