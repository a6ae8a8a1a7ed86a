"""Rows of a table with a file and a species in each row: the columns of `folder`, or of a known program.

Times are read from every column whose name gives role and unit (see `data.columns`).
"""

from __future__ import annotations

from collections.abc import Sequence

from finback.core.errors import ManifestError
from finback.data.columns import Times
from finback.data.formats.names import channel_number, recording_called
from finback.data.formats.table_columns import Columns, columns_of, notes_on, unplaced
from finback.data.layouts import recognised
from finback.data.problems import Problem
from finback.data.sources.base import (
    IndexRequest,
    Labelled,
    LabelRow,
    species_name,
    subset_word,
    unnamed_species,
    yes_word,
)
from finback.data.tables import Row, Table

OPTIONAL = ("group", "channel", "split", "licence", "synthetic")
LONGEST_NAME = 4096  # characters of a path, as Linux allows


def read_rows(table: Table, request: IndexRequest, many: bool = False) -> Labelled:
    """The rows of a table of labels; `many`: it is one of several.

    Raises `ManifestError` when no column names the file or the species.
    """
    columns, notes = _columns(table, request)
    problems = [*table.problems, *notes]
    rows = []
    several, unread_time = unplaced(table, columns)
    for row in table.rows:
        if row.number in several:
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
    columns = columns_of(table, layout, file, species, OPTIONAL)
    return columns, notes_on(table, columns, layout)


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

    written = row.get(columns.label)
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
