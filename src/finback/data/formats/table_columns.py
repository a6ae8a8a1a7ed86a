"""The columns of a table of events of any program: file, label, times. What was guessed is said in notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finback.data.clock_times import ClockTime, clock_columns
from finback.data.columns import Times, times_of, unread, unread_times
from finback.data.layouts import Layout, recognised
from finback.data.problems import Problem
from finback.data.tables import Table


@dataclass(frozen=True)
class Columns:
    """Where each value of a row stands; `file` None: the table is called after its recording."""

    file: int | None
    folder: int | None
    label: int | None
    others: Mapping[str, int]
    times: Times
    clocks: tuple[ClockTime | None, ClockTime | None] = (None, None)  # where there are no other times

    @property
    def used(self) -> tuple[int, ...]:
        named = [i for i in (self.file, self.folder, self.label) if i is not None]
        clocks = [clock.position for clock in self.clocks if clock is not None]
        return (*named, *self.others.values(), *(time.position for time in self.times.all), *clocks)


def columns_of(
    table: Table, layout: Layout | None, file: int | None, label: int | None, others: Sequence[str] = ()
) -> Columns:
    """The columns of a table; `others` are further columns that are read if they are there."""
    found = {name: at for name in others if (at := table.find(name)) is not None}
    folder = None if layout is None else table.find(*layout.folder) if layout.folder else None
    times = times_of(table) if layout is None else layout.times(table)
    if layout is not None and layout.channel and (at := table.find(layout.channel)) is not None:
        found["channel"] = at
    clocks = (None, None) if times.all else clock_columns(table)
    return Columns(file, folder, label, found, times, clocks)


def is_known(table: Table) -> bool:
    """Whether the table has the columns of a program that finback knows."""
    return recognised(table) is not None


def notes_on(table: Table, columns: Columns, layout: Layout | None) -> list[Problem]:
    """What was read without being named by the user, and what looks as if it should be read and is not."""
    return [*_said(table, columns, layout), *unread(table, columns.used, columns.times, columns.file)]


def _said(table: Table, columns: Columns, layout: Layout | None) -> list[Problem]:
    """A note on columns that were taken without being named by the user or by our own names."""
    canonical = all(time.name.casefold() in ("start_s", "end_s") for time in columns.times.all)
    clocks = [clock for clock in columns.clocks if clock is not None]
    if layout is None and canonical and not clocks:
        return []
    named = {} if columns.label is None else {"species": table.header[columns.label]}
    if columns.file is not None:
        named = {"file": table.header[columns.file], **named}
    parts = [f"{what} from '{name}'" for what, name in named.items()] if layout is not None else []
    times = " and ".join(f"'{time.name}' ({time.unit})" for time in columns.times.all)
    parts += [f"times from {times}"] if times else []
    parts += [f"times of day from '{clock.name}'" for clock in clocks]
    program = f"read as a table of {layout.program}: " if layout is not None else "read: "
    repair = "name other columns with --file-column, --species-column, or call the times start_s and end_s"
    return [Problem("layout", table.path.name, 1, program + ", ".join(parts), repair)]


def unplaced(table: Table, columns: Columns) -> tuple[frozenset[int], str]:
    """Numbers of rows that are parts of one file by times that are not read, and the name of such a column.

    Such a row is not the whole file: rows of one file would be called repeats of each other.
    """
    times = unread_times(table, columns.used, columns.times)
    if not times or columns.file is None:
        return frozenset(), ""
    parts: dict[str, list[int]] = defaultdict(list)
    spans: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in table.rows:
        file = row.cells[columns.file]
        parts[file].append(row.number)
        spans[file].add(tuple(row.cells[i] for i in times))
    several = (numbers for file, numbers in parts.items() if len(spans[file]) > 1)
    return frozenset(number for numbers in several for number in numbers), table.header[times[0]]
