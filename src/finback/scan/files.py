"""What a user names for a scan, as a sorted list of sound files, each once.

    found = find(["site/", "a.wav", "b/*.flac", "@names.txt", "-", "s3://bucket/2023/"], stdin, addresses)
    found.paths, found.unread, found.remarks

A folder is searched with all folders below it, for the suffixes of sounds; links are followed once, hidden
files and bins are left out. A file that is named is taken whatever its suffix. A list (`@NAME`, or a file
.txt, .lst, .csv, .tsv) holds a name on each line, or a column of names; these are relative to the list's
folder, else to the working folder.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from finback.audio.addresses import is_address, shown
from finback.audio.io import is_sound
from finback.core.errors import FinbackError, InputError
from finback.core.text import printable
from finback.data.file_matching import Walk
from finback.data.table_text import EmptyTableError, read_text
from finback.data.tables import SYNONYMS, read_table
from finback.scan.spans import FileState, ScannedFile

LISTS = frozenset((".txt", ".lst", ".csv", ".tsv"))
FILE_COLUMNS = frozenset(("file", *SYNONYMS["file"]))
# An address of a file, of a folder, or with wildcards -> the sounds there. Raises `InputError`.
Lister = Callable[[str], Iterable[str]]
HINT = "give sound files, folders with sound files, lists of names, or - for names on stdin"


@dataclass(frozen=True, slots=True)
class Found:
    """`paths`: absolute paths and addresses, sorted. `unread`: what could not be looked into, and why."""

    paths: tuple[str, ...]
    unread: tuple[FileState, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class _Search:
    lister: Lister
    paths: list[str] = field(default_factory=list)
    unread: list[FileState] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    n_folders: int = 0


def at_address(address: str) -> Iterable[str]:
    """The sounds at an address, or below it. Raises `AudioError`."""
    from finback.audio.remote.listing import list_addresses  # imports fsspec

    return list_addresses(address)


def find(inputs: Sequence[str], stdin: Iterable[str] = (), lister: Lister = at_address) -> Found:
    """The sound files that the inputs name; `stdin` gives the names for `-`.

    A name without a file stays in `paths`, so that the scan says what is wrong with it. Raises `InputError`
    when there is no file at all.
    """
    search = _Search(lister)
    for text in inputs:
        names = _lines(stdin) if text == "-" else [text]
        for name in names:
            _add(search, name, from_list=text == "-")
    paths = _once(search.paths)
    if not any(is_address(path) or os.path.lexists(path) for path in paths) and not search.unread:
        raise _nothing(inputs, paths)
    return Found(tuple(paths), tuple(search.unread), tuple(search.remarks))


def _add(search: _Search, name: str, from_list: bool = False) -> None:
    """Add what one name stands for."""
    if is_address(name) and not name.startswith("file://"):
        search.paths += search.lister(name)
        return
    if name.startswith("file://"):
        name = unquote(urlsplit(name).path)
    path = Path(name).expanduser()
    if name.startswith("@") and not os.path.lexists(name) and not from_list:
        _add_list(search, Path(name[1:]).expanduser())
    elif path.is_dir():
        _add_folder(search, path)
    elif path.suffix.lower() in LISTS and not from_list:
        _add_list(search, path)
    elif not os.path.lexists(path) and glob.has_magic(name):
        for found in glob.iglob(str(path), recursive=True):
            if os.path.isdir(found):
                if "**" not in name:  # that wildcard gives all folders below, too
                    _add_folder(search, Path(found))
            elif is_sound(os.path.basename(found)) or Path(name).suffix:
                search.paths.append(os.path.abspath(found))
    else:
        search.paths.append(os.path.abspath(path))


def _add_folder(search: _Search, folder: Path) -> None:
    search.n_folders += 1
    walk = Walk(folder)
    search.paths += [os.path.abspath(path) for path in walk if is_sound(path.name)]
    for error in walk.unread:
        where = os.path.abspath(error.filename or folder)
        reason = f"the folder cannot be read ({error.strerror or error}); check who may read it"
        search.unread.append(FileState(ScannedFile(where, 0, 0, "", 0, 0, 0), reason))
    search.remarks += [
        f"{folder / p.file}: {p.message}; {p.repair}" for p in walk.problems() if p.kind == "skipped"
    ]


def _add_list(search: _Search, path: Path) -> None:
    """Add the names in a list. Raises `InputError` for a list that cannot be read, or holds no name."""
    for name in names_in(path):
        if is_address(name) or os.path.isabs(name):
            _add(search, name, from_list=True)
        else:
            beside = path.parent / name
            _add(search, str(beside) if os.path.lexists(beside) else name, from_list=True)


def names_in(path: Path) -> list[str]:
    """The names in a list. Raises `InputError` that names the list."""
    try:
        text, _ = read_text(path, "list of sound files")
    except EmptyTableError:
        raise InputError(
            f"{path}: the list is empty", "write the name of a sound file on each line"
        ) from None
    lines = list(_lines(text.splitlines()))
    if lines and (column := _file_column(lines[0])):
        table = read_table(path)
        at = table.column(column, "the column of files")
        return [cell for row in table.rows if (cell := row.cells[at].strip())]
    if not lines:
        raise InputError(f"{path}: the list holds no name", "write the name of a sound file on each line")
    return lines


def _file_column(header: str) -> str:
    """The column of files in the first line of a table; "" where the line is a name itself."""
    cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]", header)]
    for cell in cells:
        if re.sub(r"[^a-z]", "", cell.casefold()) in FILE_COLUMNS:
            return cell
    return ""


def _lines(lines: Iterable[str]) -> Iterator[str]:
    """Names without quotes, blank lines and comments."""
    for line in lines:
        name = line.strip("\r\n\t ")
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1]
        if name and not name.startswith("#"):
            yield name


def _once(paths: Iterable[str]) -> list[str]:
    """Each file once, sorted by path; of several names of one file the first."""
    real: dict[str, str] = {}  # of folders
    seen: set[str] = set()
    found = []
    for path in sorted(set(paths)):
        if is_address(path):
            if shown(path) not in seen:
                found.append(path)
            seen.add(shown(path))
            continue
        folder, name = os.path.split(path)
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        key = os.path.realpath(path) if os.path.islink(path) else os.path.join(real[folder], name)
        if key not in seen:
            seen.add(key)
            found.append(path)
    return found


def _nothing(inputs: Sequence[str], paths: Sequence[str]) -> FinbackError:
    if paths:
        return InputError(f"{printable(paths[0])}: no such file", HINT)
    shown = ", ".join(printable(text) for text in islice(inputs, 3)) or "no input"
    return InputError(f"{shown}: no sound file there", HINT)
