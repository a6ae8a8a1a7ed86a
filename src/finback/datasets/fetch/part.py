"""The received part of a file, `NAME.part`, and its version, `NAME.part.json`.

The name must be the same in the next run, so it can be foreseen. For that reason nothing is written through a
link, or into a file that somebody else has put there: the part is a regular file of this user with one name.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

from finback.core.storage.files import write_atomic
from finback.core.storage.paths import file_name

MAX_FACTS = 1 << 16  # bytes
# An ETag, or a date: what can be sent back in a header.
VERSION = re.compile(r'"[\x21\x23-\x7e]{0,500}"|[\x20-\x7e]{1,60}')
SUFFIX = ".part"
LONGEST_STEM = 240  # bytes


class Part:
    """The part of the file that will be `path`."""

    def __init__(self, path: Path) -> None:
        # A name of 255 bytes has no room for a suffix.
        stem = path.name if len(os.fsencode(path.name)) <= LONGEST_STEM else file_name(path.name)
        self.path = path.with_name(stem + SUFFIX)
        self._facts = path.with_name(f"{stem}{SUFFIX}.json")

    def size(self) -> int:
        """Its size in bytes; 0 if there is none that may be continued."""
        try:
            found = os.lstat(self.path)
        except OSError:
            return 0
        return found.st_size if _own(found) else 0

    def version(self, url: str) -> str:
        """The ETag or date of the part; "" if unknown, so that the download cannot be continued."""
        try:
            with open(self._facts, "rb") as file:
                facts = json.loads(file.read(MAX_FACTS))
            version = str(facts["version"]) if facts["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # missing, or damaged
            return ""
        return version if VERSION.fullmatch(version) else ""

    def begin(self, url: str = "", version: str = "") -> FileIO:
        """An empty part of this version, open for writing. Without a version it cannot be continued."""
        self.discard()
        if version:
            write_atomic(self._facts, json.dumps({"url": url, "version": version}))
        return FileIO(self._open(os.O_CREAT | os.O_EXCL), "wb")

    def go_on(self) -> FileIO:
        """The part, open for writing at its end. Raises `OSError` when it is not a file of this user."""
        descriptor = self._open(os.O_APPEND)
        if not _own(os.fstat(descriptor)):
            os.close(descriptor)
            raise PermissionError(errno.EPERM, "belongs to somebody else, or has a second name")
        return FileIO(descriptor, "wb")

    def discard(self) -> None:
        """Remove the part and its version."""
        for path in (self.path, self._facts):
            with suppress(FileNotFoundError):
                path.unlink()

    def forget(self) -> None:
        """Remove the version; the part has become the file."""
        with suppress(FileNotFoundError):
            self._facts.unlink()

    def _open(self, flags: int) -> int:
        flags |= os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self.path, flags, 0o666)


def _own(found: os.stat_result) -> bool:
    """Whether it is a regular file of this user, with one name."""
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and mine
