"""The one place that writes and reads the CSV tables of finback.

    write_csv(path, ["file", "species"], [["a.wav", "=Fin"]])
    read_csv(path)                        # [{"file": "a.wav", "species": "=Fin"}]

Text that a spreadsheet would run as a formula is written as text (`core.text.cell`), and is read back as it
was. Numbers are written in full, so that they are equal when they are read. Typed tables of other people are
read by `finback.data.tables`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from finback.core.errors import RunError
from finback.core.storage.files import RESTORE, atomic_path
from finback.core.text import cell, from_cell

# Python refuses cells above 131,072 characters. Ten million is the bound for all tables of one process.
MOST_CHARACTERS = 10_000_000
WHOLE = re.compile(r"-?[0-9]{1,15}")
csv.field_size_limit(MOST_CHARACTERS)


def csv_text(
    header: Sequence[str], rows: Iterable[Sequence[object]], newline: str = "\n", delimiter: str = ","
) -> str:
    """A table as text. Values are text, numbers or None (an empty cell)."""
    return "".join(_lines((header, *rows), newline, delimiter))


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a table whole or not at all, as UTF-8. Memory is that of one row."""
    with csv_rows(path, header, delimiter) as write:
        for row in rows:
            write(row)


@contextmanager
def csv_rows(
    path: Path, header: Sequence[str], delimiter: str = ","
) -> Iterator[Callable[[Sequence[object]], None]]:
    """Yield a function that writes one row; at the end the table is there, whole."""
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):

        def write(row: Sequence[object]) -> None:
            file.writelines(_lines((row,), "\n", delimiter))

        write(header)
        yield write


def _lines(rows: Iterable[Sequence[object]], newline: str, delimiter: str) -> Iterator[str]:
    """Each row as text, with the end of its line."""
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator=newline, delimiter=delimiter)
    # Python's writer quotes a line feed in a value but not a carriage return.
    quoted = csv.writer(text, lineterminator=newline, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    for row in rows:
        cells = [_written(value) for value in row]
        (quoted if any("\r" in value for value in cells) else plain).writerow(cells)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def parse_csv(text: str, delimiter: str = ",") -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of a table of `csv_text`.

    Raises `ValueError` when a row has more or fewer values than the header, or cannot be split.
    """
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = [from_cell(name) for name in next(reader, [])]
        if len(set(header)) != len(header):
            raise ValueError("a column is there twice")
        rows: list[dict[str, str]] = []
        for cells in reader:
            if not cells:
                continue  # an empty line at the end
            if len(cells) != len(header):
                wrong = f"{len(cells)} values for {len(header)} columns"
                raise ValueError(f"row {len(rows) + 2} is damaged: {wrong}")
            rows.append(dict(zip(header, map(from_cell, cells), strict=True)))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
    return header, rows


def read_csv(path: Path, columns: Iterable[str] = ()) -> list[dict[str, str]]:
    """The rows of a table of `write_csv` that must have these columns.

    Raises `RunError` that names the file when it is missing or damaged.
    """
    try:
        header, rows = parse_csv(Path(path).read_bytes().decode("utf-8"))
    except (OSError, ValueError) as error:  # ValueError: also text that is not UTF-8
        raise RunError(f"{path}: missing or damaged ({error})", RESTORE) from None
    missing = [name for name in columns if name not in header]
    if missing:
        raise RunError(f"{path}: damaged (no column {', '.join(missing)})", RESTORE)
    return rows


def whole_number(text: str) -> int:
    """The integer of a cell, as finback writes it. Raises `ValueError` for anything else, such as `1_0`."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a whole number")
    return int(text)


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return float.__repr__(value)  # also of NumPy's float64
    return cell(value) if isinstance(value, str) else str(value)
