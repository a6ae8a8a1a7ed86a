"""Rows of a table with a file and a species in each row: the columns of `folder`, or of a known program.

Times are read from every column whose name gives role and unit (see `data.columns`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finback.core.errors import ManifestError
from finback.data.clock_times import ClockTime, clock_columns
from finback.data.columns import Times, times_of, unread, unread_times
from finback.data.layouts import Layout, recognised
from finback.data.problems import Problem
from finback.data.sources.base import (
    IndexRequest,
    Labelled,
    LabelRow,
    channel_number,
    recording_called,
    species_name,
    subset_word,
    unnamed_species,
    yes_word,
)
from finback.data.tables import Row, Table

OPTIONAL = ("group", "channel", "split", "licence", "synthetic")
LONGEST_NAME = 4096  # characters of a path, as Linux allows


@dataclass(frozen=True)
class Columns:
    """Where each value of a row stands; `file` None: the table is called after its recording."""

    file: int | None
    folder: int | None
    species: int
    others: Mapping[str, int]
    times: Times
    clocks: tuple[ClockTime | None, ClockTime | None] = (None, None)  # where there are no other times

    @property
    def used(self) -> tuple[int, ...]:
        named = [i for i in (self.file, self.folder, self.species) if i is not None]
        clocks = [clock.position for clock in self.clocks if clock is not None]
        return (*named, *self.others.values(), *(time.position for time in self.times.all), *clocks)


def read_rows(table: Table, request: IndexRequest, many: bool = False) -> Labelled:
    """The rows of a table of labels; `many`: it is one of several.

    Raises `ManifestError` when no column names the file or the species.
    """
    columns, notes = _columns(table, request)
    problems = [*table.problems, *notes]
    rows = []
    unplaced, unread_time = _unplaced(table, columns)
    for row in table.rows:
        if row.number in unplaced:
            message = f"is one of several parts of its file, but column '{unread_time}' is not read"
            repair = "name the columns start_s and end_s, in seconds from the beginning of the file"
            name = _cut(row.get(columns.file)) or table.path.name
            problems.append(Problem("bad_span", name, row.number, message, repair))
            continue
        label, faults = _label_row(row, columns, table.path.name, many)
        problems += faults
        if label is not None:
            rows.append(label)
    problems += _half_placed(rows, columns.times, table)
    return Labelled(tuple(rows), tuple(problems), has_split=any(label.subset for label in rows))


def is_known(table: Table) -> bool:
    """Whether the table has the columns of a program that finback knows."""
    return recognised(table) is not None


def _columns(table: Table, request: IndexRequest) -> tuple[Columns, list[Problem]]:
    layout = recognised(table)
    file, species = table.find(request.file_column), table.find(request.species_column)
    if layout is not None:
        file = table.find(*layout.file) if file is None and layout.file else file
        usual = request.species_column == "species"  # else the user asked for a column that is not there
        species = table.find(*layout.species) if species is None and usual and layout.species else species
    if file is None and (layout is None or layout.file):
        file = table.column(request.file_column, "--file-column")
    if species is None:
        species = table.column(request.species_column, "--species-column")
    for asked, at, option in (
        (request.file_column, file, "--file-column"),
        (request.species_column, species, "--species-column"),
    ):
        if at is not None and at == table.find(asked):
            table.column(asked, option)  # refuses a column that is there twice with different values
    others = {name: at for name in OPTIONAL if (at := table.find(name)) is not None}
    folder = None if layout is None else table.find(*layout.folder) if layout.folder else None
    times = times_of(table) if layout is None else layout.times(table)
    if layout is not None and layout.channel and (at := table.find(layout.channel)) is not None:
        others["channel"] = at
    clocks = (None, None) if times.all else clock_columns(table)
    columns = Columns(file, folder, species, others, times, clocks)
    return columns, [*_said(table, columns, layout), *unread(table, columns.used, times, file)]


def _said(table: Table, columns: Columns, layout: Layout | None) -> list[Problem]:
    """A note on columns that were taken without being named by the user or by our own names."""
    canonical = all(time.name.casefold() in ("start_s", "end_s") for time in columns.times.all)
    clocks = [clock for clock in columns.clocks if clock is not None]
    if layout is None and canonical and not clocks:
        return []
    named = {"species": table.header[columns.species]}
    if columns.file is not None:
        named = {"file": table.header[columns.file], **named}
    parts = [f"{what} from '{name}'" for what, name in named.items()] if layout is not None else []
    times = " and ".join(f"'{time.name}' ({time.unit})" for time in columns.times.all)
    parts += [f"times from {times}"] if times else []
    parts += [f"times of day from '{clock.name}'" for clock in clocks]
    program = f"read as a table of {layout.program}: " if layout is not None else "read: "
    repair = "name other columns with --file-column, --species-column, or call the times start_s and end_s"
    return [Problem("layout", table.path.name, 1, program + ", ".join(parts), repair)]


def _unplaced(table: Table, columns: Columns) -> tuple[frozenset[int], str]:
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


def _half_placed(rows: Sequence[LabelRow], times: Times, table: Table) -> list[Problem]:
    """Rows that give only one of start and end, in a table that has columns for both."""
    if times.start is None or (times.end is None and times.duration is None):
        return []
    half = [row for row in rows if (row.start_s is None) != (row.end_s is None)]
    problems = []
    for missing, taken in (("start", "beginning"), ("end", "end")):
        found = [row.row for row in half if (row.start_s is None) == (missing == "start")]
        if found:
            message = f"rows without {missing}: {len(found)}; the {taken} of the file is taken"
            repair = f"fill in the {missing}"
            problems.append(Problem("half_span", table.path.name, found[0], message, repair))
    return problems


def _label_row(row: Row, columns: Columns, table: str, many: bool) -> tuple[LabelRow | None, list[Problem]]:
    cell = {name: row.cells[at] for name, at in columns.others.items()}
    file = recording_called(table) if columns.file is None else row.cells[columns.file]
    problems: list[Problem] = []
    where = f" (in {table})" if many else ""

    def fault(kind: str, message: str, repair: str) -> None:
        problems.append(Problem(kind, _cut(file) or table, row.number, message + where, repair))

    written = row.cells[columns.species]
    unnamed = _unnamed(file, written)
    if unnamed is not None:
        fault(*unnamed)
        return None, problems
    try:
        start, end = columns.times.of(row)
        start_at, end_at = (None if clock is None else clock.of(row) for clock in columns.clocks)
    except ValueError as error:
        fault("bad_span", str(error), "give seconds, such as 12.5, or h:mm:ss")
        return None, problems
    try:
        channel = channel_number(cell.get("channel", ""), first=0)
    except ValueError as error:
        fault("bad_channel", str(error), "count channels from 0; leave the cell empty for the mean of all")
        return None, problems
    subset = subset_word(cell.get("split", ""))
    if subset is None:
        fault("split_word", f"unknown set '{_cut(cell['split'])}'", "write train, val or test")
    synthetic = yes_word(cell.get("synthetic", ""))
    if synthetic is None:
        message = f"synthetic '{_cut(cell['synthetic'])}' is neither true nor false"
        fault("synthetic_word", message, "write true or false")
        return None, problems
    folder = row.get(columns.folder)
    label = LabelRow(
        file=f"{folder}/{file}" if folder else file,
        also=file if folder else "",
        species=species_name(written),
        row=row.number,
        table=table if many else "",
        group=cell.get("group", ""),
        start_s=start,
        end_s=end,
        in_samples=columns.times.in_samples,
        start_at=start_at,
        end_at=end_at,
        channel=channel,
        subset=subset or "",
        licence=cell.get("licence", ""),
        synthetic=synthetic,
    )
    return label, problems


def _unnamed(file: str, species: str) -> tuple[str, str, str] | None:
    """Kind, message and repair of a row that does not name a file or a species; None if both are named."""
    if not file:
        return "missing_file", "names no file", "fill in the file, or leave out the row"
    for what, text in (("file name", file), ("species", species)):
        if "\n" in text or "\r" in text:
            repair = "write it on one line; if a quote is missing in this row or below, add it"
            return "line_break", f"the {what} has a line break", repair
    if len(file) > LONGEST_NAME:
        message = f"a file name of {len(file)} characters"
        return "missing_file", message, "give the name of a recording"
    reason = unnamed_species(species)
    return ("empty_label", reason, "fill in the species, or leave out the row") if reason else None


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."


def no_species(table: Table, request: IndexRequest) -> str:
    """Why no column of the table says the species, or "" if one does."""
    try:
        _columns(table, request)
    except ManifestError as error:
        return error.problem.removeprefix(f"{table.path}: ")
    return ""
