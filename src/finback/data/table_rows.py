"""Text to numbered rows of cells: the delimiter is found, quoted cells keep their line breaks.

A quoted cell may run over any number of lines if its quote is closed where the cell ends. A quote that is
closed nowhere, or in the middle of a cell, is a stray one: its row is marked `torn`, because it may hold the
rows that follow.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.storage.csv_files import MOST_CHARACTERS

DELIMITERS = ",;\t|"
MOST_COLUMNS = 10_000
LONG_LINE = 50_000  # characters; only longer lines are looked at for too many columns


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands: its number in a spreadsheet, its cells, the lines of the file that it took."""

    number: int
    cells: list[str]
    lines: int = 1
    torn: bool = False


def delimiter_of(text: str) -> str:
    """The delimiter that makes most rows as wide as the header; of several, the one with more columns."""
    best, chosen = (0.0, 1), ","
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text[:65_536], newline=""), delimiter=delimiter)
        try:
            rows = [r for r in islice(reader, 50) if any(c.strip() for c in r) and not is_comment(r)]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 1
        score = (sum(len(r) == width for r in rows) / max(1, len(rows)), width)
        if width > 1 and score > best:
            best, chosen = score, delimiter
    return chosen


def is_comment(cells: list[str]) -> bool:
    """Whether a row begins with `#`."""
    return cells[0].lstrip().startswith("#") if cells else False


def records(text: str, delimiter: str, path: Path) -> list[Record]:
    """All rows of the text, the first is number 1.

    Raises `ManifestError` when a cell is longer than `MOST_CHARACTERS` or a row has over `MOST_COLUMNS`.
    """
    found = list(_records(text, delimiter, path, quoted=True))
    # Tab-separated tables are often written without quoting: then a stray quote is an ordinary character.
    if delimiter == "\t" and any(record.torn for record in found):
        found = list(_records(text, delimiter, path, quoted=False))
    return found


class _Lines:
    """The lines of a text; `held` are those read since the last row."""

    def __init__(self, text: str, delimiter: str, path: Path) -> None:
        self._lines = io.StringIO(text, newline="")
        self._delimiter, self._path = delimiter, path
        self.held: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if len(line) > LONG_LINE and line.count(self._delimiter) >= MOST_COLUMNS and '"' not in line:
            raise ManifestError(
                f"{self._path}: a line has over {MOST_COLUMNS} columns", "give one row for each labelled clip"
            )
        self.held.append(line)
        return line


def _records(text: str, delimiter: str, path: Path, quoted: bool) -> Iterator[Record]:
    lines = _Lines(text, delimiter, path)
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=delimiter != "\t",
    )
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if len(cells) > MOST_COLUMNS:
                where = f"{path}: row {number} has {len(cells)} columns (at most {MOST_COLUMNS})"
                raise ManifestError(where, "give one row for each labelled clip")
            n_lines = len(lines.held)
            torn = n_lines > 1 and not _is_closed("".join(lines.held), delimiter)
            lines.held.clear()
            yield Record(number, cells, n_lines, torn)
    except csv.Error as error:
        where = f"{path}: cannot be read as a table in row {number + 1} ({error})"
        if "field limit" in str(error):
            where = f"{path}: row {number + 1} has a value of over {MOST_CHARACTERS:,} characters"
        raise ManifestError(where, "look there for a quote that is never closed") from None


def _is_closed(raw: str, delimiter: str) -> bool:
    """Whether each quote of a row of several lines is closed at the end of its cell."""
    blanks = re.compile(rf'"[ \u00a0]+(?={re.escape(delimiter)}|[\r\n]|\Z)')
    for candidate in (raw, blanks.sub('"', raw)):
        reader = csv.reader(
            io.StringIO(candidate, newline=""),
            delimiter=delimiter,
            strict=True,
            skipinitialspace=delimiter != "\t",
        )
        try:
            if len(list(reader)) == 1:
                return True
        except csv.Error:
            continue
    return False
