"""Read a table of events of any format: its content says which it is, not its name.

annotations = read_annotations(Path("dive3.selections.txt"))
annotations.format, len(annotations.events), annotations.problems
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finback.data.formats import audacity, events_csv, json_lines, kaleidoscope, raven
from finback.data.formats.any_table import NAME as ANY
from finback.data.formats.base import Annotations
from finback.data.formats.load import load_format
from finback.data.formats.raven_selections import is_raven
from finback.data.table_text import EmptyTableError, read_text
from finback.data.tables import read_table

AUTO = "auto"
EMPTY = {".txt": audacity.NAME, ".jsonl": json_lines.NAME}


def read_annotations(
    path: Path, format: str = AUTO, label_column: str | None = None, label: str = ""
) -> Annotations:
    """The events of a table, with the rows that were left out and the reasons.

    `format` is a name of the registry or "auto". `label_column` names the column of the labels; without it
    usual names are looked for. `label` is the label of events without one, such as those of a table of one
    species, whose name tells it.

    Raises `InputError` or `ManifestError` of one line when the file is missing, is no table, or fits no
    format (the line says which columns there are); `SettingsError` for an unknown format.
    """
    path = Path(path)
    name = recognised_format(path) if format == AUTO else format
    read = load_format(name)[1].read(path, label_column)
    if not label:
        return read
    return replace(read, events=tuple(e if e.label else replace(e, label=label) for e in read.events))


def recognised_format(path: Path) -> str:
    """The name of the format that a file has. Raises as `read_annotations` does."""
    head = _head(path)
    for name, magic in (("parquet", b"PAR1"), ("sqlite", b"SQLite format 3\0")):
        if head.startswith(magic):
            return name
    if head.lstrip().startswith(b"{") and json_lines.is_json_lines(head):
        return json_lines.NAME
    try:
        if audacity.is_label_text(read_text(path, "table")[0]):
            return audacity.NAME
    except EmptyTableError:  # these two have no header, so without events they are empty
        if path.suffix.lower() in EMPTY:
            return EMPTY[path.suffix.lower()]
        raise
    table = read_table(path, "table")
    if is_raven(table):
        return raven.NAME
    if kaleidoscope.is_kaleidoscope(table):
        return kaleidoscope.NAME
    if events_csv.is_own(table):
        return events_csv.NAME
    return ANY


def _head(path: Path) -> bytes:
    """The first bytes of a regular file; nothing where it cannot be read, which its reader then says."""
    try:
        if not path.is_file():
            return b""
        with open(path, "rb") as file:
            return file.read(1 << 20).removeprefix(b"\xef\xbb\xbf")
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return b""
