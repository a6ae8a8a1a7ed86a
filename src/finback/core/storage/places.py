"""Places where a command will write, checked before it works: nothing is made, nothing stays.

check_output_folder(Path("runs/mine"))     # InputError: is a file, or nobody may write there
check_output_file(Path("labels.csv"))
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from finback.core.errors import InputError
from finback.core.storage.paths import MAX_BYTES

OTHER = "give another --out"


def check_output_folder(path: Path) -> None:
    """Raises `InputError` for a file, a place inside a file, and a place that cannot be written to."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, not a folder", "give the name of a folder")
    _check_above(path)


def check_output_file(path: Path) -> None:
    """Raises `InputError` for a folder, a place inside a file, and a place that cannot be written to."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file", "give the name of a file")
    _check_above(path.parent)


def takes_name(folder: Path, name: str) -> bool:
    """Whether the file system of an existing folder takes a file of that name, with letters of any script."""
    trial = folder / f".{name}.trial"
    try:
        trial.touch()
        there = trial.name in os.listdir(folder) or trial.exists()
        trial.unlink()
    except (OSError, UnicodeEncodeError):
        return False
    return there


def _check_above(path: Path) -> None:
    """The nearest folder that is there must take a new file."""
    if too_long := [part for part in path.parts if len(os.fsencode(part)) > MAX_BYTES]:
        raise InputError(f"{too_long[0][:40]}...: too long for the name of a folder", "give a shorter name")
    found = path
    while not os.path.lexists(found) and found != found.parent:
        found = found.parent
    if not found.is_dir():
        raise InputError(f"{path}: lies below {found}, which is a file", "give the name of a folder")
    try:
        with tempfile.TemporaryFile(dir=found):  # the only test that holds for every file system
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be written to ({found}: {reason})", OTHER) from None
