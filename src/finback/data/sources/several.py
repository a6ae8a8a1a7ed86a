"""A folder of tables, of one program or of several: each is read as what it is.

A table that cannot be used is reported by name, and the others are read. A table in which nothing was found
stays in the report too: its recording is effort without calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from finback.core.errors import FinbackError, InputError, ManifestError
from finback.data.file_matching import AudioFolder
from finback.data.formats.audacity import is_label_file
from finback.data.formats.folder import without_lots
from finback.data.formats.names import recording_called
from finback.data.formats.raven_selections import is_raven
from finback.data.formats.table_columns import is_known
from finback.data.problems import Problem
from finback.data.sources.audacity_labels import read_labels
from finback.data.sources.base import IndexRequest, Labelled, LabelRow
from finback.data.sources.labels_table import no_species, read_rows
from finback.data.sources.raven_labels import read_selections, species_column
from finback.data.table_text import EmptyTableError
from finback.data.tables import Table, read_table

SUFFIXES = (".txt", ".tsv", ".csv", ".log")


def tables_in(labels: Path) -> list[Path]:
    """The text tables in a folder and its sub-folders, sorted; hidden files are left out."""
    return sorted(
        path
        for path in labels.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def read_all(labels: Path, request: IndexRequest, folder: AudioFolder) -> Labelled:
    """All tables in a folder. Raises `InputError` when there is none."""
    tables, notes = without_lots(tables_in(labels))
    if not tables:
        raise InputError(
            f"{labels}: no selection tables ({', '.join(SUFFIXES)}) in this folder",
            "export them from Raven or Audacity into it, or give a CSV file",
        )
    rows: list[LabelRow] = []
    problems: list[Problem] = list(notes)
    has_split = False
    for path in tables:
        labelled = _of_several(path, request, folder)
        rows += labelled.rows
        problems += labelled.problems
        has_split = has_split or labelled.has_split
    return Labelled(tuple(rows), tuple(_not_labelled_elsewhere(problems, rows, folder)), has_split)


def read_whole(path: Path, request: IndexRequest) -> Labelled:
    """One table that has to be read: of Raven, or of columns `file` and `species`.

    Raises `InputError` or `ManifestError` when it cannot be read."""
    table = read_table(path)
    if is_raven(table):
        return read_selections(table, request, species_column(table, request), many=False)
    return read_rows(table, request)


def _of_several(path: Path, request: IndexRequest, folder: AudioFolder) -> Labelled:
    """One table of several; a table that cannot be used gives a problem."""
    if is_label_file(path):
        return read_labels(path, many=True)
    recording = folder.match(recording_called(path.name)).path
    name = "" if recording is None else folder.name(recording)
    try:
        table = read_table(path, "table")
    except EmptyTableError:
        return _no_rows(path, name)
    except FinbackError as error:
        return _refused("not_a_table", path, error.problem, error.repair)
    raven = is_raven(table)
    if not (raven or _is_labels(table, request)):
        message = "is not a table of labels: it has no times of Raven, and no columns of file and species"
        return _refused("not_a_table", path, message, "repair its header, if it is a table")
    if not table.rows and all(problem.is_note for problem in table.problems):
        return _no_rows(path, name)
    try:
        if raven:
            return read_selections(table, request, species_column(table, request), many=True)
        return read_rows(table, request, many=True)
    except ManifestError as error:
        problem = f"{error.problem.removeprefix(f'{path}: ')}; its {len(table.rows)} rows are not used"
        return _refused("no_species_column", path, problem, error.repair, table.problems)


def _is_labels(table: Table, request: IndexRequest) -> bool:
    return is_known(table) or (table.find(request.file_column) is not None and not no_species(table, request))


def _refused(kind: str, path: Path, message: str, repair: str, others: tuple[Problem, ...] = ()) -> Labelled:
    message = message.removeprefix(f"{path}: ")
    return Labelled((), (Problem(kind, path.name, None, message, repair), *others))


def _no_rows(path: Path, recording: str) -> Labelled:
    """The note on a table in which nothing was found, and on its recording ("" if there is none)."""
    if not recording:
        repair = "give the table the name of its recording, if nothing was found there"
        return _refused("not_a_table", path, "has no rows, and no recording has its name", repair)
    message = f"its table {path.name} has no rows, so the recording is effort without calls"
    return Labelled((), (Problem("no_calls", recording, None, message, "no repair is needed"),))


def _not_labelled_elsewhere(
    problems: Sequence[Problem], rows: Sequence[LabelRow], folder: AudioFolder
) -> Iterator[Problem]:
    """The problems; a recording with rows in another table is not called effort without calls."""
    if not any(problem.kind == "no_calls" for problem in problems):
        yield from problems
        return
    names = {name for row in rows for name in (row.file, row.also) if name}
    labelled = {folder.name(path) for name in names if (path := folder.match(name).path) is not None}
    for problem in problems:
        if problem.kind == "no_calls" and problem.file in labelled:
            message = problem.message.partition(", so ")[0] + ", and another table has rows for it"
            problem = replace(problem, kind="not_a_table", message=message)
        yield problem
