"""One writer for each output folder: a second process that would write there is refused by name, or waits.

    with only_writer(out):                 # LockError: out: another process writes there now (process 4711)
        with only_writer(out):             # the same process may nest
            ...
    with only_writer(out, wait_s=600):     # short work that several processes do: wait for the turn
        ...

The lock is held by the operating system (the `filelock` package), so it ends with the process, also after
kill -9. The hidden file `.finback.lock` stays in the folder; while a process writes, it names the process.
Reading needs no lock: every file is whole (core/storage/files.py). See docs/decisions/0030.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from finback.core.errors import FinbackError, InputError, LockError, WriteError
from finback.core.storage.files import write_error
from finback.core.storage.temporaries import sweep
from finback.core.text import printable

LOCK = ".finback.lock"
SILENT_S = 2.0  # a shorter wait is not said
# File systems without locks, for example some network mounts.
NO_LOCKS = frozenset((errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL))


@contextmanager
def only_writer(folder: Path, wait_s: float = 0.0, required: bool = True) -> Iterator[None]:
    """Make the folder, and be its only writer until the end of the block.

    Raises `LockError` that names the other process when it still writes after `wait_s` seconds, `WriteError`
    when the folder cannot be made or written to, `InputError` when it is a file. `required` False: go on
    without a lock in a folder that cannot be written to, for work whose result is of use when it is not kept.
    Where the file system has no locks, a warning says so.
    """
    try:
        made, lock = _take(Path(folder), wait_s)
    except WriteError:
        if required:
            raise
        made, lock = False, None
    try:
        yield
    finally:
        if lock is not None:
            _give_back(Path(folder), lock)
        if made:
            _forget_if_empty(Path(folder))


def check_free(folder: Path) -> None:
    """Raises `LockError` when another process writes in the folder now, before long work begins."""
    if (Path(folder) / LOCK).exists():
        with only_writer(folder, required=False):
            pass


def _take(folder: Path, wait_s: float) -> tuple[bool, FileLock | None]:
    """Whether the folder was made, and the lock, which is None for a helper process.

    Raises as `only_writer` does.
    """
    if _is_helper_process():  # it works for the first process, which has the lock
        return False, None
    made = _make(folder)
    lock = FileLock(folder / LOCK, is_singleton=True, fallback_to_soft=False, on_acquired=_write_holder)
    nested = lock.is_locked
    try:
        _acquire(lock, folder, wait_s)
    except Timeout:
        raise LockError(
            f"{folder}: another process writes there now{_holder(folder / LOCK)}",
            "wait until it ends, or give another --out",
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise _not_writable(folder, error) from error
        logging.getLogger(__name__).warning(
            "%s: this file system has no locks; let only one finback at a time write there", folder
        )
    if not nested and not made:
        sweep(folder)
    return made, lock


def _give_back(folder: Path, lock: FileLock) -> None:
    """Release the lock; at the last level its file is emptied, since the folder may be given away."""
    if lock.lock_counter == 1:
        with suppress(OSError):
            os.truncate(folder / LOCK, 0)
    lock.release()


def _acquire(lock: FileLock, folder: Path, wait_s: float) -> None:
    """Wait for the lock, and say so when it takes long. Raises `Timeout` at the end of the time."""
    at_once = min(wait_s, SILENT_S)
    try:
        lock.acquire(timeout=at_once)
    except Timeout:
        if wait_s <= at_once:
            raise
        logging.getLogger(__name__).warning(
            "%s: waits for another process that writes there%s", folder, _holder(folder / LOCK)
        )
        lock.acquire(timeout=wait_s - at_once)


def _make(folder: Path) -> bool:
    """Make the folder. Returns whether it was not there."""
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from error
    return new


def _forget_if_empty(folder: Path) -> None:
    """Undo `_make` when the work failed before it wrote anything."""
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()


def _not_writable(folder: Path, error: OSError) -> FinbackError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return InputError(f"{folder}: is a file, or lies below a file", "give the name of a folder")
    return write_error(folder, error)


def _is_helper_process() -> bool:
    """Whether another process of the same training started this one (`--device cpu*2`)."""
    return any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def _write_holder(descriptor: int) -> None:
    """Write who holds the lock. The first byte is left out: Windows locks it, and nobody can read it."""
    command = shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "finback"), *sys.argv[1:]])
    holder = {
        "process": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": command[:200],
    }
    with suppress(OSError):  # a full disk; the lock is held all the same
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b"\n" + json.dumps(holder).encode())
        os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR))


def _holder(path: Path) -> str:
    """` (process 4711 on orca since 12:30: finback train ...)`; empty when the file does not say it."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        with open(path, "rb", buffering=0) as file:
            file.seek(1)
            holder = json.loads(file.read(4096))
        since = datetime.fromisoformat(holder["since"]).strftime("%Y-%m-%d %H:%M:%S")
        host, command = printable(str(holder["host"])), printable(str(holder["command"]))
        return f" (process {int(holder['process'])} on {host} since {since}: {command})"
    return ""
