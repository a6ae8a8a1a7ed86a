"""Read tables of labels as spreadsheets and other programs write them.

All of these are read: comma, semicolon, tab or bar as the delimiter; UTF-8 with or without a byte-order mark,
UTF-16, Windows-1252 or Latin-1; any newline; quoted commas; spaces and no-break spaces around values; blank
lines, trailing commas, comment lines (`# ...`) and Excel's `sep=;` line. Rows have the numbers that a
spreadsheet shows: header = 1.

    table = read_table(Path("labels.csv"))
    file = table.column("file", "--file-column")      # ManifestError if missing
    for row in table.rows:
        row.cells[file]

All values are text here; the caller converts them.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from finback.core.errors import InputError, ManifestError
from finback.data.problems import Problem

DELIMITERS = ",;\t|"
# The UTF-32 mark begins with the UTF-16 mark, so UTF-32 is tried first.
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_TEXT = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a parquet table",
    b"\x1f\x8b": "compressed with gzip",
    b"%PDF": "a PDF",
    b"{\\rtf": "a word-processor document",
    b"SQLite format 3": "an SQLite database",
    b"RIFF": "a sound file",
    b"fLaC": "a sound file",
    b"OggS": "a sound file",
}
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
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"  # characters without width, left by copying from web pages


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
        columns = ", ".join(h for h in self.header if h)
        looks_like_data = any(
            re.search(r"\.(wav|flac|mp3|ogg|aiff?|w64|rf64)$", h, re.I) for h in self.header
        )
        if looks_like_data:
            return (
                f"{self.path}: no header row (row 1 is '{columns}')",
                "add a first row such as file,species",
            )
        plain = {_plain(h): h for h in self.header if h}
        near = [plain[s] for s in SYNONYMS.get(name, ()) if s in plain]
        near += [plain[s] for s in difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)]
        choice = f"'{near[0]}'" if near else "COLUMN"
        return f"{self.path}: no column '{name}' (it has: {columns})", f"name it with {option} {choice}"


def read_table(path: Path, what: str = "labels file") -> Table:
    """Read a delimited text table.

    Raises `InputError` when the file is missing, is a folder, is empty or is not text (a workbook: save it as
    CSV), and `ManifestError` when the text cannot be split into rows.
    """
    text, encoding = _decode(_bytes(path, what), path)
    text = re.sub(r"\Asep=.\r?\n?", "", text)  # a hint for Excel, on a line that Excel does not count
    delimiter = _delimiter(text)
    records = _records(text, delimiter, path)
    problems: list[Problem] = []
    if encoding not in ("utf-8", "utf-8-sig") and not text.isascii():
        message = f"is not UTF-8; it was read as {encoding}"
        repair = "check the accented letters, or save it as 'CSV UTF-8'"
        problems.append(Problem("encoding", path.name, None, message, repair))
    head = next((i for i, (_, cells) in enumerate(records) if any(cells) and not _is_comment(cells)), None)
    if head is None:
        raise InputError(f"{path}: the {what} is empty", "give a table with a header, such as file,species")
    header = records[head][1]
    while len(header) > 1 and not header[-1]:
        header = header[:-1]  # a trailing comma; a row with a value there gets a problem of kind `columns`
    problems += _header_problems(path, header)
    torn = text.count('"') % 2 == 1
    rows = []
    for number, cells in records[head + 1 :]:
        fault = _fault(path, number, cells, len(header), torn)
        if fault is not None:
            problems.append(fault)
        if (fault is None or fault.kind == "nul_byte") and not _is_blank_or_comment(cells, len(header)):
            padded = (*cells, *[""] * (len(header) - len(cells)))[: len(header)]
            rows.append(Row(number, tuple(_clean(c.replace("\0", "")) for c in padded)))
    return Table(path, tuple(header), tuple(rows), tuple(problems), delimiter, encoding)


def _bytes(path: Path, what: str) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: the {what} is a folder", "give the CSV file itself")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such {what}", "check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "check who may read it") from None
    for magic, kind in NOT_TEXT.items():
        if data.startswith(magic):
            raise InputError(f"{path}: is not a text table but {kind}", "save it as CSV and give that file")
    if not data.strip(b"\0 \t\r\n"):
        raise InputError(f"{path}: the {what} is empty", "give a table with a header, such as file,species")
    return data


def _decode(data: bytes, path: Path) -> tuple[str, str]:
    """The text and its encoding, by byte-order mark, else by zero bytes, else UTF-8, else Windows."""
    encodings = [encoding for mark, encoding in BOMS if data.startswith(mark)][:1]
    if not encodings:
        even, odd = (data[i::2].count(0) / max(1, len(data) // 2) for i in (0, 1))
        if odd > 0.4 and even < 0.1:
            encodings = ["utf-16-le"]
        elif even > 0.4 and odd < 0.1:
            encodings = ["utf-16-be"]
        else:
            encodings = ["utf-8", "cp1252", "latin-1"]  # Latin-1 knows every byte
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = sum(c < " " and c not in "\t\r\n\v\f" for c in text[:100_000])
        if strange > 8 and strange > 0.02 * min(len(text), 100_000):
            break
        return text, encoding
    raise InputError(f"{path}: is not a text table", "save it as CSV (UTF-8) and give that file")


def _delimiter(text: str) -> str:
    """The delimiter that makes most rows as wide as the header; of several, the one with more columns."""
    best, chosen = (0.0, 1), ","
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text[:65_536], newline=""), delimiter=delimiter)
        try:
            rows = [r for r in islice(reader, 50) if any(c.strip() for c in r) and not _is_comment(r)]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 1
        score = (sum(len(r) == width for r in rows) / max(1, len(rows)), width)
        if width > 1 and score > best:
            best, chosen = score, delimiter
    return chosen


def _records(text: str, delimiter: str, path: Path) -> list[tuple[int, list[str]]]:
    """Numbered rows of cleaned cells; a quoted value with newlines in it is one row, as in a spreadsheet."""
    # Tab-separated tables are written without quoting, so an unpaired quote is an ordinary character.
    bare = delimiter == "\t" and text.count('"') % 2 == 1
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if bare else csv.QUOTE_MINIMAL,
        skipinitialspace=delimiter != "\t",
    )
    try:
        return [(number, [_clean(c) for c in cells]) for number, cells in enumerate(reader, start=1)]
    except csv.Error as error:
        where = f"{path}: cannot be read as a table near line {reader.line_num} ({error})"
        raise ManifestError(where, "look there for a quote that is never closed") from None


def _header_problems(path: Path, header: list[str]) -> Iterable[Problem]:
    named = [h for h in header if h]
    for name in sorted({h for h in named if named.count(h) > 1}):
        message = f"column '{name}' stands twice; the first is read"
        yield Problem("header", path.name, 1, message, "rename one")


def _fault(path: Path, number: int, cells: list[str], width: int, torn: bool) -> Problem | None:
    extra = [c for c in cells[width:] if c]
    if extra and not _is_comment(cells):
        message = f"has {len(cells)} values for {width} columns"
        repair = f'put quotes around a value that holds the delimiter: "{cells[width - 1]}, {extra[0]}"'
        return Problem("columns", path.name, number, message, repair)
    newlines = max((c.count("\n") + c.count("\r") for c in cells), default=0)
    if newlines > 2 or (newlines and torn):
        message = "a quoted value runs over several lines"
        return Problem("open_quote", path.name, number, message, "close the quote that opens there")
    if any("\0" in c for c in cells):
        message = "holds zero bytes, which were left out"
        return Problem("nul_byte", path.name, number, message, "save the table again")
    return None


def _is_comment(cells: list[str]) -> bool:
    return cells[0].lstrip().startswith("#") if cells else False


def _is_blank_or_comment(cells: list[str], width: int) -> bool:
    # "#3.wav,Beluga" is a file called #3.wav: below the header a comment is a line of another width.
    return not any(cells) or (_is_comment(cells) and len(cells) != width)


def _clean(cell: str) -> str:
    """The cell without white space around it, also without no-break and zero-width spaces."""
    return cell.strip().strip(UNSEEN).strip()


def _plain(name: str) -> str:
    """A column name in lower case, without spaces, hyphens and underscores, with composed accents."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFC", name)).casefold()
