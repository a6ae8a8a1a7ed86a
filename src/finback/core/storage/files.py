"""Files that are whole or absent: write to a temporary name in the same folder, then rename.

A process killed, or a disk that fills, in the middle of a write leaves the old file as it was.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from finback.core.errors import RunError, WriteError
from finback.core.storage.plain_json import LARGEST_FILE, parsed
from finback.core.storage.temporaries import is_temporary, new_temporary

RESTORE = "restore the file from a copy, or train into another --out"
WINDOWS_PATH = 260  # characters of a whole path, unless long paths were turned on


@contextmanager
def atomic_path(path: Path, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it becomes `path`, on failure it is removed.

    A link under the name `path` is replaced, not followed. Raises `WriteError` that names the file when the
    disk is full, the folder is not writable, or `path` is a folder or a device. Not `lasting`: nobody waits
    for the disk, so a power cut may leave an empty or damaged file, which its reader must notice. In a hidden
    folder nobody waits either: who shows it calls `sync_folder` first.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_replaceable(path)
        temporary = new_temporary(path)
        yield temporary
        if lasting and not any(is_temporary(parent.name) for parent in path.parents):
            sync(temporary, os.O_RDWR)  # else a power cut may leave the new name on an empty file
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _check_replaceable(path: Path) -> None:
    """Raises `OSError` for a folder, device or pipe: renaming a file over it would fail, or destroy it."""
    try:
        mode = path.stat().st_mode
    except OSError:  # no such file, or a link to nothing
        return
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "it is a device or a pipe")


def sync(path: Path, flags: int) -> None:
    """Ask the system to write a file, or the names in a folder, to the disk now.

    Some systems refuse this for folders, for all files, or for a handle that only reads; then the system
    writes when it does. Raises `OSError` when the disk is full or broken.
    """
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))  # Windows opens no folders
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path, at_once: bool = False) -> None:
    """Write all files of a folder to the disk now, one by one; `at_once`: with one call, where there is one.

    Raises `OSError` as `sync` does.
    """
    if at_once and hasattr(os, "sync"):
        os.sync()
        return
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            sync(path, os.O_RDWR)


def write_error(path: Path, error: OSError) -> WriteError:
    """What failed when a file or folder was written, and how to repair it."""
    reason = "No space left on device" if _is_full(error) else error.strerror or str(error)
    return WriteError(f"{path}: could not be written ({reason})", _repair(path, error))


def _is_full(error: OSError) -> bool:
    # NumPy tells a short write without a number: "8192 requested and 4096 written".
    short = error.errno is None and re.search(r"requested and \d+ written", str(error))
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or bool(short)


def _repair(path: Path, error: OSError) -> str:
    length = len(os.path.abspath(path))
    if _is_full(error):
        return "free some space and run the same command again; what was saved before is intact"
    if error.errno == errno.ENAMETOOLONG or (os.name == "nt" and length >= WINDOWS_PATH):
        return f"the whole path has {length} characters: give a shorter name, or a folder with a shorter path"
    if error.errno in (errno.EISDIR, errno.EEXIST):
        return "give the name of a file"
    return "check that the folder exists and may be written to"


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write text (UTF-8) or bytes, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file (UTF-8), or begin the file; a link is not followed.

    Raises `WriteError` that names the file; the lines before stay.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", opener=lambda name, _: os.open(name, flags, 0o666)) as file:
            file.write(line + "\n")
    except OSError as error:
        raise write_error(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON; refuses NaN, which is not valid JSON."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    with suppress(
        OSError
    ):  # JSON says what is finished, so it and the files before it must outlast a power cut
        sync(Path(path).parent, os.O_RDONLY)


def read_json(path: Path) -> Any:
    """The value of a JSON file. Raises `RunError` naming the file when it is missing or damaged."""
    try:
        return parsed(read_bytes(Path(path), LARGEST_FILE))
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error})", RESTORE) from None


def read_bytes(path: Path, largest: int) -> bytes:
    """The content of a file of a run folder. Raises `RunError` when it is missing or too large."""
    try:
        if path.exists() and not path.is_file():
            raise RunError(f"{path}: not a file", RESTORE)
        if path.stat().st_size > largest:
            size = path.stat().st_size
            raise RunError(f"{path}: {size:,} bytes, and at most {largest:,} are read", RESTORE)
        return path.read_bytes()
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror or error})", RESTORE) from None


def tensors_digest(path: Path) -> bytes:
    """16 bytes that identify the content of a safetensors file: names, types, shapes and values of tensors.

    The metadata in the header is ignored.

    Raises `RunError` naming the file when it is missing or damaged.
    """
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")  # of the header, which is JSON
            header = json.loads(file.read(min(length, os.fstat(file.fileno()).st_size)))
            header.pop("__metadata__", None)
            digest = hashlib.blake2b(json.dumps(header, sort_keys=True).encode(), digest_size=16)
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise RunError(f"{path}: damaged ({error})", RESTORE) from None
    return digest.digest()
