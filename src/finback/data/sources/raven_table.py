"""One selection table of Raven: its columns, its two views, its times in a sequence of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finback.core.errors import ManifestError
from finback.data.columns import Time, time_column
from finback.data.problems import Problem
from finback.data.sources.base import (
    IndexRequest,
    Labelled,
    LabelRow,
    channel_number,
    recording_called,
    species_name,
    unnamed_species,
)
from finback.data.tables import Row, Table

BEGIN, END, OFFSET = "Begin Time (s)", "End Time (s)", "File Offset (s)"
DELTA = "Delta Time (s)"
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


def is_raven(table: Table) -> bool:
    """Whether a table has the times of Raven: begin and end, or (begin or file offset) and length."""
    begin = table.find(BEGIN) is not None
    if begin and table.find(END) is not None:
        return True
    length = table.find("Selection") is not None and table.find(DELTA) is not None
    return length and (begin or table.find(OFFSET) is not None)


def species_column(table: Table, request: IndexRequest) -> int:
    """The column of the species. Raises `ManifestError` when there is none."""
    asked = table.find(request.species_column)
    guess = asked if asked is not None else table.find(*ANNOTATIONS)
    if guess is None or (asked is None and request.species_column != "species"):
        repair = "name the annotation column with --species-column, or add a column Species"
        raise ManifestError(f"{table.path}: no column says the species (it has: {table.columns})", repair)
    return guess


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
        begin = None if self.begin is None else self.begin.of(row)
        end = None if self.end is None else self.end.of(row)
        within = None if self.offset is None else self.offset.of(row)
        if begin is not None and end is not None:
            return (begin, end) if within is None else (within, within + end - begin)
        delta = None if self.delta is None else self.delta.of(row)
        if self.begin is not None and self.end is not None:
            raise ValueError("the begin or end time is empty")
        start = begin if within is None else within
        if start is None or delta is None:
            raise ValueError("the begin time, the file offset or the length is empty")
        return start, start + delta


def read_selections(table: Table, request: IndexRequest, species: int, many: bool) -> Labelled:
    """The selections of a table, each once; `many`: it is one of several tables."""
    times = _Times.of_table(table)
    places = [table.find("Begin Path"), table.find("Begin File"), table.find(request.file_column)]
    named = [place for place in places if place is not None]
    channel, group = table.find("Channel"), table.find("group")
    rows: list[LabelRow] = []
    problems = list(table.problems)
    for row in _one_view(table, times, species, named):
        names = [row.cells[place] for place in named if row.cells[place]] or [
            recording_called(table.path.name)
        ]
        # A row that is not used: the problem gives the name of its file.
        bare = LabelRow(
            file=names[0].replace("\\", "/").rsplit("/", 1)[-1],
            species="",
            row=row.number,
            table=table.path.name,
        )
        if unnamed_species(row.cells[species]):
            message, repair = "the selection has no annotation", "annotate it, or leave out the row"
            problems.append(bare.problem("empty_label", message, repair))
            continue
        try:
            start_s, end_s = times.of(row)
        except ValueError as error:
            repair = f"export {BEGIN} and {END} again"
            problems.append(bare.problem("bad_span", str(error), repair))
            continue
        try:
            number = channel_number(row.get(channel), first=1)
        except ValueError as error:
            problems.append(bare.problem("bad_channel", str(error), "give the channel as Raven does, from 1"))
            continue
        rows.append(
            LabelRow(
                file=names[0],
                also=names[1] if len(names) > 1 else "",
                species=species_name(row.cells[species]),
                row=row.number,
                table=table.path.name if many else "",
                group=row.get(group),
                start_s=start_s,
                end_s=end_s,
                channel=number,
                cut=True,
            )
        )
    problems += _sequence_note(table, rows, times)
    return Labelled(tuple(rows), tuple(problems))


def _one_view(table: Table, times: _Times, species: int, named: Sequence[int]) -> Iterator[Row]:
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
        of_one[row.cells[selection], row.get(channel), file, span, row.cells[species]].append(row)
    dropped: set[int] = set()
    for rows in of_one.values():
        if len({row.cells[view] for row in rows}) < 2:
            continue  # equal rows in one view are reported later
        kept = next((row for row in rows if _is_spectrogram(row.cells[view])), rows[0]).cells[view]
        dropped.update(row.number for row in rows if row.cells[view] != kept)
    yield from (row for row in table.rows if row.number not in dropped)


def _is_spectrogram(view: str) -> bool:
    return view.casefold().startswith("spectrogram")


def _sequence_note(table: Table, rows: Sequence[LabelRow], times: _Times) -> Iterator[Problem]:
    files = {row.file for row in rows}
    if times.offset is None and len(files) > 1:
        message = f"names {len(files)} files but has no '{OFFSET}', so times are counted within each file"
        repair = f"if the files are one sequence, add the measurement {OFFSET} in Raven and export again"
        yield Problem("no_file_offset", table.path.name, None, message, repair)
