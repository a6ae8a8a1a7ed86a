"""Recording groups (a tape, a deployment, a site-day) from a separate table: `--groups metadata.csv:group`.

The table has a column of files and a column of groups. It may name files that are not in the audio folder.
Its groups replace the groups of the labels and of the source.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import InputError, ManifestError
from finback.core.types import Clip
from finback.data.file_matching import AudioFolder
from finback.data.problems import Problem
from finback.data.sources.base import IndexRequest
from finback.data.tables import SYNONYMS, Table, read_table


@dataclass(frozen=True)
class Given:
    """The groups that the table names, by the path of the recording."""

    table: str
    groups: dict[Path, str]
    problems: tuple[Problem, ...]


def read_groups(request: IndexRequest, folder: AudioFolder) -> Given:
    """Read the table of `--groups`.

    Raises `InputError` or `ManifestError` when the option, the table or its column is wrong."""
    option = request.groups or ""
    name, colon, column = option.rpartition(":")
    if not colon or not name or not column or column[0] in "\\/":  # "C:\tapes.csv" has a colon, but no column
        raise InputError(f"--groups {option}: names no column", "write it as table.csv:column")
    table = read_table(Path(name), "groups file")
    group = table.find(column)
    if group is None:
        raise ManifestError(*_no_column(table, column))
    file = table.find(request.file_column, "file", *SYNONYMS["file"])
    if file is None:
        file = table.column(request.file_column, "--file-column")
    named: dict[Path, Counter[str]] = defaultdict(Counter)
    last_row: dict[Path, int] = {}
    for row in table.rows:
        path = folder.match(row.cells[file]).path if row.cells[group] else None
        if path is not None:
            named[path][row.cells[group]] += 1
            last_row[path] = row.number
    if not named:
        raise ManifestError(
            f"--groups {option}: names none of the recordings in {folder.root}",
            f"check that column '{table.header[file]}' holds their file names",
        )
    problems = list(table.problems)
    for path, groups in named.items():
        if len(groups) > 1:
            message = (
                f"one recording in {len(groups)} groups in {table.path.name}; the most frequent group is used"
            )
            repair = "give each recording one group"
            problems.append(Problem("group_conflict", folder.name(path), last_row[path], message, repair))
    chosen = {path: groups.most_common(1)[0][0] for path, groups in named.items()}
    return Given(table.path.name, chosen, tuple(problems))


def not_covered(given: Given, clips: Sequence[Clip]) -> list[Problem]:
    """One problem for all recordings that have no group in the table."""
    left = sorted({clip.recording.path for clip in clips} - set(given.groups))
    if not left:
        return []
    others = f" and {len(left) - 1} more recordings have" if len(left) > 1 else " has"
    message = f"{left[0].name}{others} no group in this table"
    return [Problem("no_group", given.table, None, message, "add a row with the group of each recording")]


def _no_column(table: Table, column: str) -> tuple[str, str]:
    names = [name for name in table.header if 0 < len(name) <= 100]
    near = difflib.get_close_matches(column, names, n=1) or ["COLUMN"]
    return (
        f"{table.path}: no column '{column}' (it has: {table.columns})",
        f"write --groups {table.path}:{near[0]}",
    )
