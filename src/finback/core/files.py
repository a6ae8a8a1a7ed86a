"""Files that are whole or absent: write to a temporary name in the same folder, then rename.

A process killed, or a disk that fills, in the middle of a write leaves the old file as it was.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from finback.core.errors import FinbackError, RunError

RESTORE = "restore the file from a copy, or train into another --out"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it becomes `path`, on failure it is removed.

    Raises `FinbackError` that names the file when the disk is full or the folder is not writable.
    """
    path = Path(path)
    # The process id keeps two writers apart; the suffix stays last, since some writers read it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())  # else a power cut may leave the new name on an empty file
        os.replace(temporary, path)
    except OSError as error:
        repair = "free some space and run the same command again; what was saved before is intact"
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            repair = "check that the folder exists and may be written to"
        raise FinbackError(f"{path}: could not be written ({error.strerror or error})", repair) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write text (UTF-8) or bytes, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON; refuses NaN, which is not valid JSON."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises `RunError` naming the file when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: damaged ({error})", RESTORE) from None


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
