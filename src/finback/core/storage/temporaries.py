"""Temporary files beside the file that they become: nobody can guess their names, and stale ones are swept.

    .finback-4711-1f0c9a-9e0d5c1b7a2f4d60.tmp.npz     # process 4711 of the host 1f0c9a, then random digits

In a shared folder another person could put a link under a name that can be guessed. Therefore the name is
random, and the file is made new or not at all. A process that is killed leaves its temporary file; the next
process that works in the folder removes it when the process that made it is gone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NAME = re.compile(r"\.finback-([0-9]+)-([0-9a-f]{6})-[0-9a-f]{16}\.tmp(\..*)?")
MAX_SUFFIX = 20  # characters; writers know formats by it
# A sweep must not read a home folder or an archive to its end.
MAX_SWEPT, MAX_DEPTH = 20_000, 4


def is_temporary(name: str) -> bool:
    """Whether a file name is that of a temporary file of finback."""
    return NAME.fullmatch(name) is not None


def new_temporary(path: Path) -> Path:
    """Make an empty file in the folder of `path`, with the suffix of `path`, and return its path.

    Raises `OSError` as `os.open` does.
    """
    while True:
        temporary = path.with_name(f"{_new_name()}{path.suffix[:MAX_SUFFIX]}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with suppress(FileExistsError):
            os.close(os.open(temporary, flags, 0o666))  # less what the umask forbids, as for every new file
            return temporary


def new_temporary_folder(folder: Path) -> Path:
    """Make an empty folder in `folder`, and return its path. Raises `OSError` as `os.mkdir` does."""
    while True:
        temporary = folder / _new_name()
        with suppress(FileExistsError):
            temporary.mkdir()
            return temporary


def _new_name() -> str:
    return f".finback-{os.getpid()}-{_host()}-{secrets.token_hex(8)}.tmp"


def sweep(folder: Path) -> int:
    """Remove what dead processes of this host left under temporary names in the folder. Returns how many.

    Only names that finback makes are looked at, down to four folders deep; links are not followed.
    """
    n = 0
    for entry in _entries(folder):
        found = NAME.fullmatch(entry.name)
        if found and found[2] == _host() and not is_alive(int(found[1])):
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
                n += 1
    return n


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies below a folder, at most `MAX_SWEPT` entries; temporary folders are not entered."""
    left, todo = MAX_SWEPT, [(os.fspath(folder), 0)]
    while todo:
        path, depth = todo.pop(0)
        with suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                left -= 1
                if left < 0:
                    return
                if is_temporary(entry.name) or not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif depth < MAX_DEPTH:
                    todo.append((entry.path, depth + 1))


def _host() -> str:
    return hashlib.blake2b(platform.node().encode("utf-8", "replace"), digest_size=3).hexdigest()


def is_alive(process: int) -> bool:
    """Whether a process of this host runs; true where it cannot be known."""
    if sys.platform == "win32" or process <= 0:  # there os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
