"""The selections of one table of Raven: its columns, its two views, its times in a sequence of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finback.data.columns import Time, time_column
from finback.data.formats.base import Fault
from finback.data.formats.names import channel_number
from finback.data.formats.values import exact, total
from finback.data.problems import Problem
from finback.data.tables import Row, Table

BEGIN, END, OFFSET, DELTA = "Begin Time (s)", "End Time (s)", "File Offset (s)", "Delta Time (s)"
NOT_STATED = "Not Stated"  # a column of finback: columns that Raven needs and the event does not state
# Raven has no fixed annotation column. These are usual names; names for a species come first.
ANNOTATIONS = (
    "Species",
    "Common Name",
    "Annotation",
    "Annotations",
    "Label",
    "Class",
    "Tags",
    "Call Type",
    "Sound Type",
    "Type",
    "Species Code",
)
SAME_S = 1e-6  # two views of one selection have equal times, but for the last digit written


@dataclass(frozen=True, slots=True)
class Selection:
    """One selection: times within its file in seconds, channel from 0; no times where there is a fault."""

    row: Row
    names: tuple[str, ...]  # of its file, as the table states them: path, then name
    start_s: float = 0.0
    end_s: float = 0.0
    channel: int | None = None
    fault: Fault | None = None


def is_raven(table: Table) -> bool:
    """Whether a table has the times of Raven: begin and end, or (begin or file offset) and length."""
    begin = table.find(BEGIN) is not None
    if begin and table.find(END) is not None:
        return True
    length = table.find("Selection") is not None and table.find(DELTA) is not None
    return length and (begin or table.find(OFFSET) is not None)


def label_position(table: Table, asked: str) -> int | None:
    """The column that was asked for; else, for the usual name `species`, a column of `ANNOTATIONS`."""
    found = table.find(asked)
    return table.find(*ANNOTATIONS) if found is None and asked == "species" else found


def selections(table: Table, label: int | None, file_column: str = "") -> Iterator[Selection]:
    """All selections of a table, each once."""
    times = _Times.of_table(table)
    places = [table.find("Begin Path"), table.find("Begin File"), table.find(file_column)]
    named = [place for place in places if place is not None]
    channel, unstated = table.find("Channel"), table.find(NOT_STATED)
    for row in _one_view(table, times, label, named):
        names = tuple(row.cells[place] for place in named if row.cells[place])
        try:
            start_s, end_s = times.of(row)
        except ValueError as error:
            fault = Fault("bad_span", str(error), f"export {BEGIN} and {END} again")
            yield Selection(row, names, fault=fault)
            continue
        try:
            number = channel_number(row.get(channel), first=1)
        except ValueError as error:
            fault = Fault("bad_channel", str(error), "give the channel as Raven does, from 1")
            yield Selection(row, names, fault=fault)
            continue
        if "Channel" in row.get(unstated):
            number = None
        yield Selection(row, names, start_s, end_s, number)


def sequence_note(table: Table, files: Iterable[str]) -> Iterator[Problem]:
    """A note when a table names several files but not the times within them."""
    n_files = len(set(files))
    if table.find(OFFSET) is None and n_files > 1:
        message = f"names {n_files} files but has no '{OFFSET}', so times are counted within each file"
        repair = f"if the files are one sequence, add the measurement {OFFSET} in Raven and export again"
        yield Problem("no_file_offset", table.path.name, None, message, repair)


@dataclass(frozen=True)
class _Times:
    """Times in Raven: within a sequence of files, and within one file."""

    begin: Time | None
    end: Time | None
    offset: Time | None
    delta: Time | None

    @classmethod
    def of_table(cls, table: Table) -> _Times:
        at = [table.find(name) for name in (BEGIN, END, OFFSET, DELTA)]
        return cls(*(None if i is None else time_column(table, i) for i in at))

    def of(self, row: Row) -> tuple[float, float]:
        """Start and end within the file. Raises `ValueError` with a reason."""
        begin, end, within = _of(self.begin, row), _of(self.end, row), _of(self.offset, row)
        if begin is not None and end is not None:
            if within is None:
                return float(begin), float(end)
            return float(within), float(total(within, end, -begin))
        delta = _of(self.delta, row)
        if self.begin is not None and self.end is not None:
            raise ValueError("the begin or end time is empty")
        start = begin if within is None else within
        if start is None or delta is None:
            raise ValueError("the begin time, the file offset or the length is empty")
        return float(start), float(total(start, delta))


def _of(time: Time | None, row: Row) -> Decimal | None:
    """The seconds in a cell, with all their digits."""
    if time is None:
        return None
    try:
        return exact(row.cells[time.position], time.comma)
    except ValueError as error:
        raise ValueError(f"{time.name} {error}") from None


def _one_view(table: Table, times: _Times, label: int | None, named: Sequence[int]) -> Iterator[Row]:
    """Each selection of each channel once: its row of the spectrogram view, if there is one.

    Ids start again where tables are joined. So two rows are views of one selection only if the id, the
    channel, the file, the times and the annotation agree, and the views differ.
    """
    selection, view, channel = table.find("Selection"), table.find("View"), table.find("Channel")
    if selection is None or view is None:
        yield from table.rows
        return
    of_one: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in table.rows:
        try:
            span: object = tuple(round(time / SAME_S) for time in times.of(row))
        except ValueError:
            span = row.number  # reported later
        file = tuple(row.cells[place] for place in named)
        of_one[row.cells[selection], row.get(channel), file, span, row.get(label)].append(row)
    dropped: set[int] = set()
    for rows in of_one.values():
        if len({row.cells[view] for row in rows}) < 2:
            continue  # equal rows in one view are reported later
        kept = next((row for row in rows if _is_spectrogram(row.cells[view])), rows[0]).cells[view]
        dropped.update(row.number for row in rows if row.cells[view] != kept)
    yield from (row for row in table.rows if row.number not in dropped)


def _is_spectrogram(view: str) -> bool:
    return view.casefold().startswith("spectrogram")
