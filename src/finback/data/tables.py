"""Read tables of labels as spreadsheets and other programs write them.

All of these are read: comma, semicolon, tab or bar as the delimiter; UTF-8 with or without a byte-order mark,
UTF-16, Windows-1252 or Latin-1; any newline; quoted commas; spaces and no-break spaces around values; blank
lines, trailing commas, comment lines (`# ...`) and Excel's `sep=;` line; quoted values with line breaks;
tables that were joined with their headers. Rows have the numbers that a spreadsheet shows: header = 1.

    table = read_table(Path("labels.csv"))
    file = table.column("file", "--file-column")      # ManifestError if missing
    for row in table.rows:
        row.cells[file]

All values are text here; the caller converts them.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.text import from_cell
from finback.data.problems import Problem
from finback.data.table_rows import Record, delimiter_of, is_comment, records
from finback.data.table_text import EMPTY_REPAIR, EmptyTableError, read_text

# Names that other programs give to these columns. finback suggests such a column and does not assume it.
SYNONYMS = {
    "file": (
        *(
            "filename",
            "filepath",
            "path",
            "audio",
            "audiofile",
            "wav",
            "soundfile",
            "sound",
            "clip",
            "recording",
        ),
        *("name", "beginfile", "beginpath"),
    ),
    "species": (
        "label",
        "class",
        "annotation",
        "commonname",
        "speciesname",
        "category",
        "target",
        "calltype",
    ),
}
MOST_VALUES = 50_000_000  # rows x columns
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"  # characters without width, left by copying from web pages
EDGES = UNSEEN + "".join(filter(str.isspace, map(chr, range(0x3001))))


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its number in a spreadsheet; as many cells as the header, without spaces around them."""

    number: int
    cells: tuple[str, ...]

    def get(self, column: int | None) -> str:
        """The cell, or "" when there is no such column."""
        return "" if column is None else self.cells[column]


@dataclass(frozen=True, slots=True)
class Table:
    """A header, its rows, and the problems of the table."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    delimiter: str
    encoding: str

    @property
    def columns(self) -> str:
        """The names of the columns for a message; many or long names are cut."""
        names = [_cut(name) for name in self.header if name]
        return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")

    def find(self, *names: str) -> int | None:
        """Position of the first of `names` in the header, without regard to case, spaces or underscores."""
        for name in names:
            if name in self.header:
                return self.header.index(name)
        plain = [_plain(h) for h in self.header]
        for name in names:
            if _plain(name) in plain:
                return plain.index(_plain(name))
        return None

    def column(self, name: str, option: str) -> int:
        """Position of a column that must be present; `option` is the option that names another column.

        Raises `ManifestError` when the column is missing, or is present twice with different values.
        """
        position = self.find(name)
        if position is None:
            raise ManifestError(*self._missing(name, option))
        plain = _plain(self.header[position])
        twins = [i for i, h in enumerate(self.header) if _plain(h) == plain and i != position]
        for twin in twins:
            for row in self.rows:
                if row.cells[twin] != row.cells[position]:
                    where = f"{self.path}: column '{name}' stands twice, and row {row.number} differs"
                    raise ManifestError(where, f"rename one of them, or choose with {option}")
        return position

    def _missing(self, name: str, option: str) -> tuple[str, str]:
        looks_like_data = any(
            re.search(r"\.(wav|flac|mp3|ogg|aiff?|w64|rf64)$", h, re.I) for h in self.header
        )
        if looks_like_data:
            return (
                f"{self.path}: no header row (row 1 is '{self.columns}')",
                "add a first row such as file,species",
            )
        plain = {_plain(h): h for h in self.header if 0 < len(h) <= 100}
        near = [plain[s] for s in SYNONYMS.get(name, ()) if s in plain]
        near += [plain[s] for s in difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)]
        choice = f"'{near[0]}'" if near else "COLUMN"
        return f"{self.path}: no column '{name}' (it has: {self.columns})", f"name it with {option} {choice}"


def read_table(path: Path, what: str = "labels file") -> Table:
    """Read a delimited text table.

    Raises `InputError` when the file is missing, is a folder, is empty or is not text (a workbook: save it as
    CSV), and `ManifestError` when the text cannot be split into rows.
    """
    text, encoding = read_text(path, what)
    problems: list[Problem] = []
    if encoding not in ("utf-8", "utf-8-sig") and not text.isascii():
        message = f"is not UTF-8; it was read as {encoding}"
        repair = "check the accented letters, or save it as 'CSV UTF-8'"
        problems.append(Problem("encoding", path.name, None, message, repair))
    # A hint for Excel, on a line that Excel does not count.
    hint = re.match(r'"?sep=(.)"?[ \t,;|]*(\r\n?|\n|\Z)', text)
    text = text[hint.end() :] if hint else text
    delimiter = hint.group(1) if hint else delimiter_of(text)
    found = records(text, delimiter, path)
    inner = _unwrapped(found)
    if inner is not None:
        delimiter = delimiter_of(inner)
        found = records(inner, delimiter, path)
        message = "every row is one value in quotes; the values inside were read"
        problems.append(Problem("header", path.name, 1, message, "save the table as CSV again"))
    rows = [record for record in found if not _is_blank(record.cells)]
    del found, text  # a large table is in memory once
    rows.reverse()
    while rows and is_comment(rows[-1].cells):
        rows.pop()
    if not rows:
        raise EmptyTableError(f"{path}: the {what} is empty", EMPTY_REPAIR)
    header = _header(rows.pop().cells)
    room = len(header)
    widths = {len(record.cells) for record in rows}
    if delimiter == "\t" and len(widths) == 1 and max(widths) > room:  # tabs are in no value (PAMlab)
        room = max(widths)
        message = "columns at the end without a name are not read"
        problems.append(Problem("ignored_column", path.name, 1, message, "name them if you need them"))
    problems += _header_problems(path, header)
    body, faults = _body(path, header, rows, room)
    return Table(path, header, body, tuple(problems) + faults, delimiter, encoding)


def _unwrapped(found: Sequence[Record]) -> str | None:
    """The table inside, when each row is one quoted value that holds a row ("file,species")."""
    rows = [record.cells for record in found if not _is_blank(record.cells)]
    if len(rows) < 2 or any(len(cells) > 1 or "\n" in cells[0] or "\r" in cells[0] for cells in rows):
        return None
    delimiter = delimiter_of(rows[0][0])
    if sum(delimiter in cells[0] for cells in rows) < len(rows):
        return None
    return "\n".join(cells[0] if cells else "" for cells in (record.cells for record in found))


def _header(cells: list[str]) -> tuple[str, ...]:
    """The names of the columns; trailing commas are no columns."""
    names = [_clean(name) for name in cells]
    last = max((i for i, name in enumerate(names) if name), default=0)
    return tuple(names[: last + 1])  # a row with a value further right gets a problem of kind `columns`


def _body(
    path: Path, header: tuple[str, ...], found: list[Record], room: int
) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """The rows below the header, and the problems of rows that are damaged or are headers again.

    `found` are the rows in reverse, and is emptied. A row may have values in `room` columns.
    """
    width, names = len(header), frozenset(name for name in header if name)
    if width * len(found) > MOST_VALUES:
        where = f"{path}: {len(found)} rows of {width} columns are too many for a table"
        raise ManifestError(where, "give only the columns and rows that name sounds and species")
    rows: list[Row] = []
    problems: list[Problem] = []
    again: list[int] = []
    while found:
        record = found.pop()
        number = record.number
        cells = _cleaned(record.cells)
        if len(names.intersection(cells)) > 1:
            if cells[:width] == header:
                again.append(number)
                continue
            if 2 * len(names.intersection(cells)) >= len([c for c in cells if c]):
                message = "another header begins here, so this row and the rows below are not read"
                repair = "save each of the joined tables in its own file"
                problems.append(Problem("other_header", path.name, number, message, repair))
                break
        fault = _fault(path, record, width, room)
        if fault is not None:
            problems.append(fault)
        if (fault is None or fault.kind == "nul_byte") and not _is_short_comment(cells, width):
            rows.append(Row(number, _of_width(cells, width)))
    if again:
        more = f" and {len(again) - 1} more rows are" if len(again) > 1 else " is"
        message = f"row {again[0]}{more} the header again, so the table was joined from several"
        problems.append(Problem("repeated_header", path.name, again[0], message, "no repair is needed"))
    return tuple(rows), tuple(problems)


def _cleaned(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells without white space, with formulas that were written as text (`core.text.cell`) read back."""
    if any("'" in cell or "\0" in cell for cell in cells):
        cells = [from_cell(cell.replace("\0", "")) for cell in cells]
    return tuple(map(_clean, cells))


def _of_width(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    return cells if len(cells) == width else (cells + ("",) * (width - len(cells)))[:width]


def _header_problems(path: Path, header: Sequence[str]) -> Iterable[Problem]:
    named = [h for h in header if h]
    for name in sorted(name for name, n in Counter(named).items() if n > 1):
        message = f"column '{name}' stands twice; the first is read"
        yield Problem("header", path.name, 1, message, "rename one")


def _fault(path: Path, record: Record, width: int, room: int) -> Problem | None:
    cells = record.cells
    if record.torn:
        message = f"a quote opens here and is not closed, so {record.lines} lines are one value"
        repair = "close the quote, or double it if it belongs to the text"
        return Problem("open_quote", path.name, record.number, message, repair)
    extra = next((c for c in cells[room:] if _clean(c)), None) if len(cells) > room else None
    if extra is not None and not is_comment(cells):
        message = f"has {len(cells)} values for {width} columns"
        repair = (
            f'put quotes around a value that holds the delimiter: "{_cut(cells[width - 1])}, {_cut(extra)}"'
        )
        return Problem("columns", path.name, record.number, message, repair)
    if any("\0" in c for c in cells):
        message = "holds zero bytes, which were left out"
        return Problem("nul_byte", path.name, record.number, message, "save the table again")
    return None


def _cut(cell: str) -> str:
    cell = _clean(cell)
    return cell if len(cell) <= 40 else f"{cell[:37]}..."


def _is_blank(cells: list[str]) -> bool:
    return not any(map(_clean, cells))


def _is_short_comment(cells: tuple[str, ...], width: int) -> bool:
    # "#3.wav,Beluga" is a file called #3.wav: below the header a comment is a line of another width.
    return len(cells) != width and is_comment(list(cells))


def _clean(cell: str) -> str:
    """The cell without white space around it, also without no-break and zero-width spaces."""
    return cell.strip(EDGES)


def _plain(name: str) -> str:
    """A column name in lower case, without spaces, hyphens and underscores, with composed accents."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFC", name)).casefold()
