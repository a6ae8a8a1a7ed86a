r"""Names of recordings in tables: whose table it is, and the parts of a path, also of Windows."""

from __future__ import annotations

import re

from finback.data.file_matching import stem
from finback.data.numbers import whole

TABLE_NAME = re.compile(
    r"(\.(table\.\d+|selections?|birdnet|results|table|labels?))*\.(txt|tsv|csv|log)$", re.IGNORECASE
)
_WINDOWS = re.compile(r"[A-Za-z]:\\|\\\\")


def recording_called(table: str) -> str:
    """The name of the recording that the name of a table gives: `dive3.Table.1.selections.txt` -> `dive3`."""
    return stem(TABLE_NAME.sub("", table))


def folder_and_name(file: str) -> tuple[str, str]:
    r"""`/data/site1/a.wav` as `/data/site1` and `a.wav`; `C:\data\a.wav` as `C:\data` and `a.wav`.

    `joined` gives the path again, whatever it is: where it would not, as for a file in the root or after two
    separators, the folder keeps its last separator.
    """
    separator = "\\" if _WINDOWS.match(file) and "/" not in file else "/"
    folder, found, name = file.rpartition(separator)
    if not found:
        return "", file
    return folder if joined(folder, name) == file else folder + separator, name


def joined(folder: str, name: str) -> str:
    """The path of a name in a folder; the separator is that of the folder."""
    if not folder:
        return name
    separator = "\\" if _WINDOWS.match(folder + "\\") and "/" not in folder else "/"
    return folder + name if folder.endswith(separator) else folder + separator + name


def channel_number(text: str, first: int) -> int | None:
    """The channel, counted from 0, in a table that counts from `first`; None for an empty cell.

    Raises `ValueError` with a reason.
    """
    try:
        channel = whole(text)
    except ValueError as error:
        raise ValueError(f"channel {error}") from None
    if channel is not None and channel < first:
        raise ValueError(f"channel {channel} does not exist: this table counts from {first}")
    return None if channel is None else channel - first


def is_absolute(folder: str) -> bool:
    """Whether a folder is one from the root of a disk, or an address."""
    return folder.startswith("/") or "://" in folder or _WINDOWS.match(folder + "\\") is not None
