"""The text of a table: what is no table is refused by name, and the encoding is found.

Only a regular file is read (a pipe could wait for ever), and only up to `MOST_BYTES`.
"""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path

from finback.core.errors import InputError

MOST_BYTES = 256 * 1024 * 1024  # a million rows of a Raven table with twenty columns have 200 MB
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
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a parquet table",
    b"ARROW1": "an Arrow table",
    b"\x89HDF": "an HDF5 file",
    b"MATLAB 5.0 MAT-file": "a MATLAB file",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF",
    b"{\\rtf": "a word-processor document",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"RIFF": "a sound file",
    b"RF64": "a sound file",
    b"fLaC": "a sound file",
    b"OggS": "a sound file",
    b"ID3": "a sound file",
    b"version https://git-lfs": "a Git LFS pointer, which stands for the table itself",
}
SAVE_AS_CSV = "save it as CSV (in Excel: Save as, 'CSV UTF-8') and give that file"
MARKED_UP = (
    (re.compile(r"<!doctype html|<html|<head|<body|<table", re.IGNORECASE), "a web page"),
    (re.compile(r"<\?xml|<[A-Za-z][\w:.-]*( [^<>]*)?/?>"), "an XML file"),
    (re.compile(r'File type = "ooTextFile'), "a Praat TextGrid"),
    (re.compile(r'\{\s*"|\[\s*[\[{"]'), "a JSON file"),
)
EMPTY_REPAIR = "give a table with a header, such as file,species"


class EmptyTableError(InputError):
    """A table without any row, not even a header."""


def read_text(path: Path, what: str) -> tuple[str, str]:
    """The text of a table without byte-order mark, and the name of its encoding.

    Raises `InputError` that names the file when it is missing, is no regular file, is too large, is empty or
    is no text.
    """
    text, encoding = _decoded(read_bytes(path, what), path)
    start = text[:1000].lstrip()
    for pattern, kind in MARKED_UP:
        if pattern.match(start):
            raise InputError(f"{path}: is not a text table but {kind}", SAVE_AS_CSV)
    return text, encoding


def read_bytes(path: Path, what: str) -> bytes:
    """All bytes of a file that may be a text table. Raises `InputError` as `read_text` does."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: the {what} is a folder", "give the CSV file itself")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is a pipe or a device, not a file", "save the table to a file first")
        if status.st_size > MOST_BYTES:
            size = f"{status.st_size / 2**20:.0f} MB"
            raise InputError(
                f"{path}: is too large for a table ({size}; at most {MOST_BYTES // 2**20} MB)",
                "give only the columns and rows that name sounds and species",
            )
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such {what}", "check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read ({reason})", "check who may read it") from None
    for magic, kind in NOT_TEXT.items():
        if data.startswith(magic):
            raise InputError(f"{path}: is not a text table but {kind}", SAVE_AS_CSV)
    if not data[:1_000_000].strip(b"\0 \t\r\n") and not data.strip(b"\0 \t\r\n"):
        raise EmptyTableError(f"{path}: the {what} is empty", EMPTY_REPAIR)
    return data


def _decoded(data: bytes, path: Path) -> tuple[str, str]:
    """The text and its encoding, by byte-order mark, else by zero bytes, else UTF-8, else Windows."""
    encodings = [encoding for mark, encoding in BOMS if data.startswith(mark)][:1]
    if not encodings:
        head = data[: 1 << 20]
        even, odd = (head[i::2].count(0) / max(1, len(head) // 2) for i in (0, 1))
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
