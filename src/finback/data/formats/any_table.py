"""Any table with a row for each event, of finback or of another program: its columns say what they are.

Programs in `data.layouts` are known by their columns. Else the times are in columns whose names say start and
end (or length) and the unit, such as `start_s` and `Duration (s)`. The file and the label are in columns of
usual names; without them the recording is the one that the table is called after, and labels are empty. Notes
say which columns were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from finback.audio.statements import iso
from finback.audio.timestamps import start_time
from finback.core.errors import ManifestError
from finback.core.types import Event
from finback.data.clock_times import ClockTime
from finback.data.formats.base import Annotations, Fault
from finback.data.formats.collected import Collected, placed
from finback.data.formats.names import channel_number, joined, recording_called
from finback.data.formats.raven_selections import ANNOTATIONS
from finback.data.formats.table_columns import Columns, columns_of, notes_on
from finback.data.layouts import Layout, recognised
from finback.data.numbers import EMPTY, number
from finback.data.problems import Problem
from finback.data.tables import SYNONYMS, Row, Table, read_table

NAME = "table"
BEGINS = (
    "recording_start_utc",
    "recording_start",
    "file_start_utc",
    "file_start",
    "recording_start_datetime",
)
RATES = ("sample_rate", "sampling freq (Hz)", "sampling rate", "samplerate", "sr", "fs")


@dataclass(frozen=True)
class _Places:
    """Where a table has its values, and what holds for all of its rows."""

    columns: Columns
    labels: tuple[int, ...]  # the first that is filled
    folders: tuple[int, ...]
    rate: int | None  # of the recording, where times are samples
    called: str  # the recording that the table is called after
    begins: ClockTime | None  # when the recording begins


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of a table. Raises `ManifestError` when no column says when they begin and end."""
    return rows_of(read_table(path, "table"), label_column)


def rows_of(table: Table, label_column: str | None = None) -> Annotations:
    """The events of a table that was read."""
    layout = recognised(table)
    labels = _label_columns(table, layout, label_column)
    file = table.find(*layout.file) if layout is not None and layout.file else None
    if file is None and (layout is None or layout.file):
        file = table.find("file", *SYNONYMS["file"])
    columns = columns_of(table, layout, file, labels[0] if labels else None, ("channel",))
    roots = [] if layout is None else [table.find(*names) for names in (layout.root, layout.folder) if names]
    places = _Places(
        columns,
        labels,
        tuple(at for at in roots if at is not None),
        table.find(*RATES) if columns.times.in_samples else None,
        recording_called(table.path.name),
        _start_column(table),
    )
    _check_times(table, places)
    collected = Collected(table)
    if not labels:
        collected.note_no_label()
    if file is None:
        message = f"no column names the recording, so it is '{places.called}', after the table"
        collected.note("layout", message, "call the table after its recording, or add a column file")
    for row in table.rows:
        collected.add(row, _file(row, places), _event(row, places))
    return collected.annotations(NAME, tuple(_notes(table, columns, layout)))


def _notes(table: Table, columns: Columns, layout: Layout | None) -> Iterator[Problem]:
    """What was read without being named; frequencies are read here, and files have no option."""
    for note in notes_on(table, columns, layout):
        if "frequencies" not in note.message:
            repair = "name other columns file, species, start_s and end_s"
            yield replace(note, repair=repair) if note.kind == "layout" else note


def _label_columns(table: Table, layout: Layout | None, asked: str | None) -> tuple[int, ...]:
    if asked is not None:
        found = table.find(asked)
        if found is None:
            where = f"{table.path}: no column '{asked}' (it has: {table.columns})"
            raise ManifestError(where, "name another column")
        return (found,)
    if layout is not None:
        names = ("species", *layout.species, *layout.detected)
        return tuple(dict.fromkeys(at for name in names if (at := table.find(name)) is not None))
    found = table.find("species", *SYNONYMS["species"], *ANNOTATIONS)
    return () if found is None else (found,)


def _check_times(table: Table, places: _Places) -> None:
    """Raises `ManifestError` when the columns do not say when an event begins and ends."""
    columns, times = places.columns, places.columns.times
    where = f"{table.path}: no column says when an event "
    has = f" (it has: {table.columns})"
    if not times.all and any(columns.clocks):
        if any(_begins(row, places) is not None for row in table.rows):
            return
        named = " and ".join(f"'{clock.name}'" for clock in columns.clocks if clock is not None)
        raise ManifestError(
            f"{table.path}: gives times of day ({named}), and no recording whose start is known{has}",
            "add a column file with names such as a_20240131_120000.wav, or a column recording_start_utc, or "
            "seconds from the start of the recording as start_s and end_s",
        )
    if times.start is None:
        raise ManifestError(f"{where}begins{has}", "give columns start_s and end_s, in seconds")
    if times.end is None and times.duration is None:
        raise ManifestError(f"{where}ends{has}", "give a column end_s or duration_s, in seconds")
    if times.in_samples and table.find(*RATES) is None:
        message = f"{table.path}: times are samples, and no column gives the sample rate{has}"
        raise ManifestError(message, "give seconds, or a column sample_rate")


def _file(row: Row, places: _Places) -> str:
    if places.columns.file is None:
        return places.called
    name = row.cells[places.columns.file]
    for at in reversed(places.folders):
        name = joined(row.cells[at], name)
    return name


def _begins(row: Row, places: _Places) -> datetime | None:
    """When the recording of a row begins, in UTC; by a column, else by its name."""
    if places.begins is not None:
        with suppress(ValueError):
            return places.begins.of(row)
    return start_time(_file(row, places))


def _start_column(table: Table) -> ClockTime | None:
    """The column that says in UTC when the recording begins."""
    position = table.find(*BEGINS)
    if position is None:
        return None
    name = table.header[position]
    times = [iso(row.cells[position]) for row in table.rows]
    is_utc = "utc" in name.casefold() or all(when is None or when.tzinfo is not None for when in times)
    return ClockTime(position, name) if is_utc else None


def _by_clock(row: Row, places: _Places) -> Event | Fault:
    """The event of a row with times of day, in the recording whose start is known."""
    clocks = [clock for clock in places.columns.clocks if clock is not None]
    try:
        start, stop = (clock.of(row) for clock in clocks)
    except ValueError as error:
        return Fault("bad_span", str(error), "give times such as 2024-01-31T12:00:00Z")
    begins = _begins(row, places)
    if start is None or stop is None:
        return Fault("bad_span", "has no start or no end", "fill in the cell, or leave out the row")
    if begins is None:
        message = "has times of day, and when the recording begins is not known"
        return Fault("no_start_time", message, "give the time in the name of the recording, or in a column")
    start_s, stop_s = ((when - begins).total_seconds() for when in (start, stop))
    event = placed(_file(row, places), start_s, stop_s, _label(row, places.labels))
    return replace(event, start_time=start, stop_time=stop) if isinstance(event, Event) else event


def _event(row: Row, places: _Places) -> Event | Fault:
    columns = places.columns
    if not columns.times.all:
        return _by_clock(row, places)
    try:
        start, end = columns.times.of(row)
        rate = number(row.get(places.rate)) if columns.times.in_samples else 1.0
    except ValueError as error:
        return Fault("bad_span", str(error), "give seconds, such as 12.5, or h:mm:ss")
    if start is None or end is None or not rate:
        return Fault("bad_span", "has no start or no end", "fill in the cell, or leave out the row")
    try:
        channel = channel_number(row.get(columns.others.get("channel")), first=0)
    except ValueError as error:
        return Fault("bad_channel", str(error), "count channels from 0; leave the cell empty for the mean")
    event = placed(_file(row, places), start / rate, end / rate, _label(row, places.labels))
    return replace(event, channel=channel) if isinstance(event, Event) else event


def _label(row: Row, labels: Sequence[int]) -> str:
    texts = (row.cells[at] for at in labels)
    return next((text for text in texts if text.casefold() not in EMPTY), "")
