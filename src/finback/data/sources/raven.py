"""Raven selection tables (tab-separated .txt) for recordings: every selection becomes a clip.

`labels` is one table or a folder of tables, with the column names of Raven Pro. `Begin Time (s)` and
`End Time (s)` are needed. `Begin Path`, `Begin File`, `File Offset (s)`, `Channel` (from 1), `Selection` and
`View` are used if they are present. A table that names no file belongs to the recording with the same name
(`dive3.Table.1.selections.txt` -> `dive3`).

**Times.** When several files are opened in Raven as one sequence, `Begin Time (s)` counts from the start of
the first file. `File Offset (s)` is the time within the file in which the selection begins. If this column is
present, it gives the start of the clip, and begin and end time give its length. Otherwise the times are read
as times within each file, and a note says so when a table names several files. A selection that goes on in
the next file is cut at the end of its first file.

**Species** come from `--species-column`, else from the first column of `ANNOTATIONS` that the table has.
Raven writes a selection once for each view (waveform, spectrogram); finback reads it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from finback.core.errors import FinbackError, InputError, ManifestError
from finback.data.file_matching import AudioFolder, stem
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem
from finback.data.sources.base import IndexRequest, Labelled, LabelRow, Source, seconds, species_name
from finback.data.tables import Row, Table, read_table

BEGIN, END, OFFSET = "Begin Time (s)", "End Time (s)", "File Offset (s)"
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
TABLE_NAME = re.compile(r"(\.(table\.\d+|selections?|birdnet|results|table))*\.(txt|tsv|csv)$", re.IGNORECASE)


class Raven(Source):
    info = SourceInfo(
        name="raven",
        licence="unknown",
        citation="K. Lisa Yang Center for Conservation Bioacoustics, Cornell Lab of Ornithology: Raven Pro, "
        "Interactive Sound Analysis Software (selection tables).",
        url_hint="ravensoundsoftware.com",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            raise InputError("no selection tables", "give a table, or a folder of tables, as --labels")
        rows: list[LabelRow] = []
        problems: list[Problem] = []
        tables = selection_tables(request.labels)
        for path in tables:
            try:
                table = read_table(path, "selection table")
            except FinbackError as error:
                if len(tables) == 1:
                    raise
                problems.append(Problem("not_a_table", path.name, None, error.problem, error.repair))
                continue
            if table.find(BEGIN) is None and len(tables) > 1:
                message = f"is not a selection table (no column '{BEGIN}')"
                problems.append(
                    Problem("not_a_table", path.name, None, message, "repair its header, if it is a table")
                )
                continue
            labelled = _read(table, request, many=len(tables) > 1)
            rows += labelled.rows
            problems += labelled.problems
        return Labelled(tuple(rows), tuple(problems))


def selection_tables(labels: Path) -> list[Path]:
    """The table itself, or the .txt files in the folder. Raises `InputError` when there is no table."""
    if not labels.exists():
        raise InputError(f"{labels}: no such labels file or folder", "check the path given as --labels")
    if not labels.is_dir():
        return [labels]
    tables = sorted(p for p in labels.rglob("*") if p.suffix.lower() == ".txt" and not p.name.startswith("."))
    if not tables:
        raise InputError(
            f"{labels}: no selection tables (.txt) in this folder",
            "export them from Raven into it, or give a CSV file",
        )
    return tables


def is_selection_table(labels: Path) -> bool:
    """Whether the labels are a selection table of Raven, or a folder with such a table."""
    if labels.is_dir():
        return any(is_selection_table(path) for path in labels.rglob("*.txt") if path.is_file())
    if not labels.is_file():
        return False
    try:
        table = read_table(labels)
    except FinbackError:
        return False
    return table.find(BEGIN) is not None and table.find(END) is not None


def _species_column(table: Table, request: IndexRequest) -> int:
    asked = table.find(request.species_column)
    guess = asked if asked is not None else table.find(*ANNOTATIONS)
    if guess is None or (asked is None and request.species_column != "species"):
        names = ", ".join(name for name in table.header if name)
        repair = "name the annotation column with --species-column"
        raise ManifestError(f"{table.path}: no column says the species (it has: {names})", repair)
    return guess


def _read(table: Table, request: IndexRequest, many: bool) -> Labelled:
    species = _species_column(table, request)
    begin, end = table.column(BEGIN, "Raven's column chooser,"), table.column(END, "Raven's column chooser,")
    places = [table.find("Begin Path"), table.find("Begin File"), table.find(request.file_column)]
    named = [place for place in places if place is not None]
    called = stem(TABLE_NAME.sub("", table.path.name))
    offset, channel, group = table.find(OFFSET), table.find("Channel"), table.find("group")
    rows, problems = [], list(table.problems)
    for row in _one_view(table):
        names = [row.cells[place] for place in named if row.cells[place]] or [called]
        # A row without a species or a time is not used. The problem gives the name of its file.
        bare = LabelRow(
            file=names[0].replace("\\", "/").rsplit("/", 1)[-1],
            species="",
            row=row.number,
            table=table.path.name,
        )
        label = species_name(row.cells[species])
        if not label:
            problems.append(
                bare.problem(
                    "empty_label",
                    "the selection has no annotation",
                    "annotate it, or leave out the row",
                )
            )
            continue
        try:
            start_s, end_s = _times(row, begin, end, offset)
        except ValueError:
            repair = f"export {BEGIN} and {END} again"
            problems.append(bare.problem("bad_span", "the begin or end time is not a number", repair))
            continue
        number = row.get(channel)
        rows.append(
            LabelRow(
                file=names[0],
                also=names[1] if len(names) > 1 else "",
                species=label,
                row=row.number,
                table=table.path.name if many else "",
                group=row.get(group),
                start_s=start_s,
                end_s=end_s,
                channel=int(number) - 1 if number.isdecimal() and int(number) > 0 else None,
                cut=True,
            )
        )
    problems += _sequence_note(table, rows, offset)
    return Labelled(tuple(rows), tuple(problems))


def _times(row: Row, begin: int, end: int, offset: int | None) -> tuple[float, float]:
    start_s, end_s = seconds(row.cells[begin]), seconds(row.cells[end])
    within = seconds(row.get(offset))
    if start_s is None or end_s is None:
        raise ValueError("no time")
    return (start_s, end_s) if within is None else (within, within + end_s - start_s)


def _one_view(table: Table) -> Iterator[Row]:
    """Each selection of each channel once: its row of the spectrogram view, if there is one."""
    selection, view, channel = table.find("Selection"), table.find("View"), table.find("Channel")
    if selection is None or view is None:
        yield from table.rows
        return
    best: dict[tuple[str, str], str] = {}
    for row in table.rows:
        key, name = (row.cells[selection], row.get(channel)), row.cells[view]
        if key not in best or (_is_spectrogram(name) and not _is_spectrogram(best[key])):
            best[key] = name
    # Two rows of one selection in the same view both stay; equal rows are reported later.
    yield from (row for row in table.rows if row.cells[view] == best[row.cells[selection], row.get(channel)])


def _is_spectrogram(view: str) -> bool:
    return view.casefold().startswith("spectrogram")


def _sequence_note(table: Table, rows: Sequence[LabelRow], offset: int | None) -> Iterator[Problem]:
    files = {row.file for row in rows}
    if offset is None and len(files) > 1:
        message = f"names {len(files)} files but has no '{OFFSET}', so times are counted within each file"
        repair = f"if the files are one sequence, add the measurement {OFFSET} in Raven and export again"
        yield Problem("no_file_offset", table.path.name, None, message, repair)
