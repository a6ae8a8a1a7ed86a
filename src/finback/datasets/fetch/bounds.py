"""How much is accepted from a site: of bytes, files, time, and unpacked bytes for each packed one.

The defaults let every source in `sources/` through with room to spare (the largest file there has 0.9 GB),
and stop a site that sends without end. Each error names the option that raises its limit.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from pydantic import Field

from finback.core.settings import Frozen
from finback.datasets.fetch.errors import FetchAborted, PermanentError, TooLargeError, TotalReached

MIB = 1 << 20
PACKED_FREE = 100 * 10**6  # up to this size, no ratio is too large: digital silence packs 1000 to 1
LARGEST_STATED = 10**15  # bytes; no file has more, so a longer number is an error


class Bounds(Frozen):
    """The limits that a user can raise. `max_file_gb` holds for files whose size the source does not state.

    A WAV file has at most 4.3 GB. `max_ratio`: bytes of an unpacked file for each byte that was received.
    """

    max_file_gb: float = Field(5.0, gt=0, le=1e6)
    max_total_gb: float = Field(100.0, gt=0, le=1e6)
    max_files: int = Field(100_000, ge=1, le=10**7)
    max_ratio: float = Field(100.0, ge=1, le=1e6)
    max_hours: float = Field(24.0, gt=0, le=1e4)

    @property
    def file_bytes(self) -> int:
        """The most bytes of one file."""
        return int(self.max_file_gb * 1e9)

    def check_ratio(self, name: str, packed: int, unpacked: int) -> None:
        """Raises `TooLargeError` for a file that is much larger than what it was packed in."""
        if unpacked > max(PACKED_FREE, packed * self.max_ratio):
            problem = f"{name}: {packed / 1e6:.1f} MB unpack to {unpacked / 1e6:.0f} MB or more"
            raise TooLargeError(f"{problem}, as no recording does", _raise("--max-ratio"))

    def check_size(self, name: str, size: int, stated: int | None = None) -> None:
        """Raises `TooLargeError` for a file that is too large. `stated`: its size according to the user's
        source."""
        most = self.file_bytes if stated is None else stated
        if size > most:
            problem = f"{name}: has {_gb(size)} or more, the limit for one file is {_gb(most)}"
            raise TooLargeError(problem, _raise("--max-file-gb"))

    def check_count(self, name: str, n: int) -> None:
        """Raises `PermanentError` for a list that is too long."""
        if n > self.max_files:
            problem = f"{name}: lists more than {self.max_files:,} files or pages"
            raise PermanentError(problem, _raise("--max-files"))


class Total:
    """The sum of all files of one command, which is never over the limit. Several threads count in it."""

    def __init__(self, bounds: Bounds) -> None:
        self._most_gb, self._lock = bounds.max_total_gb, threading.Lock()
        self._sizes: dict[str, int] = {}
        self._sum = 0
        self.reached: TotalReached | None = None  # then no other file is begun

    def hold(self, name: str, size: int) -> None:
        """A file has this size, or will have it. Raises `TotalReached` when there is no room for it."""
        most = self._most_gb * 1e9
        with self._lock:
            total = self._sum - self._sizes.get(name, 0) + size
            if total > most:
                go_on = "run the same command again to continue, or " if size <= most else ""
                problem = f"{name}: with it {_gb(total)} would be fetched, the limit for one command is "
                fault = TotalReached(f"{problem}{self._most_gb:g} GB", f"{go_on}give a larger --max-total-gb")
                self.reached = self.reached or fault
                raise fault
            self._sizes[name], self._sum = size, total

    def drop(self, name: str) -> None:
        """A file was not kept."""
        with self._lock:
            self._sum -= self._sizes.pop(name, 0)


def make_room(path: Path, needed: int) -> None:
    """Make the folder of `path`, and check the free space on its disk.

    Raises `PermanentError` when this file does not fit, `FetchAborted` when no file does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(path.parent)
    spare = max(16 * MIB, min(1 << 30, disk.total // 100))  # left free, for tables and for everybody else
    problem = f"{path}: needs {needed / 1e6:.0f} MB, {disk.free / 1e6:.0f} MB are free on that disk"
    problem += f" and {spare / 1e6:.0f} MB of them stay free"
    repair = "make free space, or give another --out, and run the same command again"
    if disk.free < spare:
        raise FetchAborted(problem, repair)
    if needed > disk.free - spare:
        raise PermanentError(problem, repair)


def _raise(option: str) -> str:
    return f"if you know that it is right, give a larger {option}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size:,} bytes"
