"""Claims: which process of those that share a journal works on which unit, without a server.

    with Claims(out, stale_s=180) as claims:
        if claims.take(unit.key):        # False: another process that lives has it
            ...
            claims.give_back(unit.key)

Each process is a member with a file of its own, which it touches every few seconds. A claim is a small file
with the name of its member, made new or not at all. A claim of a process that ended on this machine, or whose
member file was not touched for `stale_s` seconds, is taken over. Clocks of machines are not compared: times
are those of the file system. Claims only save work. Two processes that work on one unit write equal parts.

Ctrl-C may come at any moment: a claim is noted before it is made, and the note ends after the claim. The
beginning and the end of the block are for the caller to protect, by `core.signals.held_signals`.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from finback.core.storage.files import write_error
from finback.core.storage.temporaries import is_alive

FOLDER = "claims"
STALE_S = 180.0
BEATS = 6  # in the time after which a claim is stale


class Claims:
    """A context manager: the process is a member until the end of the block."""

    def __init__(self, folder: Path, stale_s: float = STALE_S) -> None:
        self.folder, self.stale_s = Path(folder) / FOLDER, stale_s
        self.member = f"member-{secrets.token_hex(8)}"
        self._own: set[str] = set()
        self._end = threading.Event()

    def __enter__(self) -> Claims:
        """Raises `WriteError` when the folder cannot be written to."""
        about = {"host": host(), "process": os.getpid(), "started": _started(os.getpid())}
        path = self.folder / self.member
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(about), encoding="utf-8")
        except OSError as error:
            raise write_error(path, error) from error
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for key in tuple(self._own):
            self.give_back(key)
        with suppress(OSError):
            self._sweep()
            (self.folder / self.member).unlink()
            self.folder.rmdir()  # of the last member

    def take(self, key: str) -> bool:
        """Claim a unit. False when another process that lives has it."""
        path = self.folder / key
        if self._make(path):
            return True
        if not self._is_stale(path):
            return False
        aside = self.folder / f"stale-{secrets.token_hex(8)}"
        with suppress(OSError):
            os.rename(path, aside)  # of several processes that try this, one succeeds
            os.unlink(aside)
        return self._make(path)

    def give_back(self, key: str) -> None:
        """The unit is finished, or left to others."""
        with suppress(OSError):
            if (self.folder / key).read_text(encoding="utf-8") in ("", self.member):
                (self.folder / key).unlink()
        self._own.discard(key)

    @property
    def others(self) -> int:
        """How many other processes that live share the journal."""
        with suppress(OSError):
            names = [name for name in os.listdir(self.folder) if name.startswith("member-")]
            return sum(name != self.member and not self._is_gone(name) for name in names)
        return 0

    def _sweep(self) -> None:
        """Remove what processes left that are gone: their claims, then their own files."""
        names = sorted(os.listdir(self.folder))  # member-... comes after claims, which are hexadecimal
        for name in names:
            path = self.folder / name
            is_left = self._is_gone(name) if name.startswith("member-") else self._is_stale(path)
            if name != self.member and is_left:
                with suppress(OSError):
                    path.unlink()

    def _make(self, path: Path) -> bool:
        if path.name in self._own:
            return False
        self._own.add(path.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
            number = os.open(path, flags, 0o666)
        except OSError as error:
            self._own.discard(path.name)
            if isinstance(error, FileExistsError):
                return False
            raise write_error(path, error) from error
        with suppress(OSError):  # a full disk; the claim is empty, and stale after a while
            os.write(number, self.member.encode())
        os.close(number)
        return True

    def _is_stale(self, path: Path) -> bool:
        try:
            member = path.read_text(encoding="utf-8", errors="replace")
            if not member.startswith("member-") or "/" in member:
                return self._age(path) > self.stale_s  # damaged, or being written
        except FileNotFoundError:  # given back just now
            return True
        except OSError:
            return False
        return member != self.member and self._is_gone(member)

    def _is_gone(self, member: str) -> bool:
        """Whether a member ended on this machine, or was silent for too long."""
        path = self.folder / member
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            same_host = about["host"] == host()
            process, started = int(about["process"]), about["started"]
        except FileNotFoundError:
            return True
        except (OSError, ValueError, KeyError, TypeError):
            return self._age(path) > self.stale_s
        if same_host and sys.platform != "win32":
            return not _lives(process, started)
        return self._age(path) > self.stale_s

    def _age(self, path: Path) -> float:
        """Seconds between the last touches of a file and of the own one, by the clock of the file system."""
        own = self.folder / self.member
        with suppress(OSError):
            os.utime(own)
            return own.stat().st_mtime - path.stat().st_mtime
        return 0.0

    def _beat(self) -> None:
        while not self._end.wait(self.stale_s / BEATS):
            with suppress(OSError):
                os.utime(self.folder / self.member)


def host() -> str:
    """A name of this machine since its start, also apart for containers with processes of their own."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _lives(process: int, started: str) -> bool:
    """Whether the process runs that had this number at that time."""
    return is_alive(process) and _started(process) == started


def _started(process: int) -> str:
    """When a process started, as the system counts it; "" where that is not known."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    # A zombie has ended: nobody has asked for its exit code yet.
    return "" if not fields or fields[0] == "Z" else fields[19]
