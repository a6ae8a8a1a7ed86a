"""A folder of recordings and a table with a row for each clip: `file,species`, and optional columns.

| column | meaning |
|---|---|
| file | name or path of the recording (another column: `--file-column`) |
| species | the species in the clip (another column: `--species-column`) |
| group | recording group: a tape, a deployment or a site-day |
| start_s, end_s | seconds from the beginning of the file; empty: the whole file |
| channel | counted from 0; empty: the mean of all channels |
| split | the set of the clip: train, val or test |
| licence | the terms of the recording |
| synthetic | true for generated sound, which is only used for training |
"""

from __future__ import annotations

from collections.abc import Iterator

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem
from finback.data.sources.base import (
    IndexRequest,
    Labelled,
    LabelRow,
    Source,
    seconds,
    species_name,
    subset_word,
    yes_word,
)
from finback.data.tables import Row, Table, read_table

OPTIONAL = ("group", "start_s", "end_s", "channel", "split", "licence", "synthetic")
# Names of columns that look like times without a unit.
UNREAD_TIMES = ("start", "end", "begin", "stop", "onset", "offset", "start time", "end time")


class Folder(Source):
    info = SourceInfo(
        name="folder",
        licence="unknown",
        citation="Your own recordings, or those of the people who gave them to you: cite them as they ask.",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            repair = "give a CSV of file,species as --labels, or put each species in its own folder"
            raise InputError(f"{request.audio}: no label names a species", repair)
        table = read_table(request.labels)
        return read_rows(table, request)


def read_rows(table: Table, request: IndexRequest) -> Labelled:
    """The rows of a CSV of labels; the docstring of the module lists the columns."""
    columns = {
        "file": table.column(request.file_column, "--file-column"),
        "species": table.column(request.species_column, "--species-column"),
    }
    for name in OPTIONAL:
        position = table.find(name)
        if position is not None:
            columns[name] = position
    problems = [*table.problems, *_unread(table, columns)]
    rows = []
    for row in table.rows:
        label, faults = _label_row(row, columns, table.path.name)
        problems += faults
        if label is not None:
            rows.append(label)
    return Labelled(tuple(rows), tuple(problems), has_split=any(label.subset for label in rows))


def _label_row(row: Row, columns: dict[str, int], table: str) -> tuple[LabelRow | None, list[Problem]]:
    cell = {name: row.cells[position] for name, position in columns.items()}
    name, problems = cell["file"] or table, []

    def fault(kind: str, message: str, repair: str) -> None:
        problems.append(Problem(kind, name, row.number, message, repair))

    if not cell["file"]:
        fault("missing_file", "names no file", "fill in the file, or leave out the row")
        return None, problems
    if any("\n" in cell[c] or "\r" in cell[c] for c in ("file", "species")):
        fault("open_quote", "a value runs over several lines", "close the quote that opens there")
        return None, problems
    species = species_name(cell["species"])
    if not species:
        fault("empty_label", "names no species", "fill in the species, or leave out the row")
        return None, problems
    times: dict[str, float | None] = {}
    for key in ("start_s", "end_s"):
        try:
            times[key] = seconds(cell.get(key, ""))
        except ValueError:
            fault("bad_span", f"{key} '{cell[key]}' is not a number", "give seconds, such as 12.5")
            return None, problems
    channel = cell.get("channel", "")
    if channel and not channel.isdecimal():
        fault("bad_channel", f"channel '{channel}' is not a whole number", "count channels from 0")
        return None, problems
    subset = subset_word(cell.get("split", ""))
    if subset is None:
        fault("split_word", f"unknown set '{cell['split']}'", "write train, val or test")
    synthetic = yes_word(cell.get("synthetic", ""))
    if synthetic is None:
        fault(
            "synthetic_word",
            f"synthetic '{cell['synthetic']}' is neither true nor false",
            "write true or false",
        )
        return None, problems
    label = LabelRow(
        file=cell["file"],
        species=species,
        row=row.number,
        group=cell.get("group", ""),
        start_s=times["start_s"],
        end_s=times["end_s"],
        channel=int(channel) if channel else None,
        subset=subset or "",
        licence=cell.get("licence", ""),
        synthetic=synthetic,
    )
    return label, problems


def _unread(table: Table, columns: dict[str, int]) -> Iterator[Problem]:
    """A note on a column of times without a unit: the column is not read, so each clip is a whole file."""
    if "start_s" in columns or "end_s" in columns:
        return
    for name in UNREAD_TIMES:
        position = table.find(name)
        if position is not None and any(row.cells[position] for row in table.rows):
            message = f"column '{table.header[position]}' is not read, so each clip is a whole file"
            repair = "if the column holds seconds, rename it start_s or end_s"
            yield Problem("ignored_column", table.path.name, 1, message, repair)
