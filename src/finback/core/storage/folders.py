"""A folder that is whole or absent: it is filled under a hidden name inside itself, then shown.

    with whole_folder(out, last="run.json") as hidden:
        ...                                     # write hidden/members/0/weights.safetensors and so on

A process killed in the middle leaves a hidden folder, which the next one sweeps. Killed while the files are
shown, it leaves a note; the next one then knows that the files are its own, and replaces them. Where `last`
is shown, the folder is whole: a note that is still there means nothing, and `is_whole` removes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finback.core.errors import RunError
from finback.core.storage.files import sync_folder, write_error
from finback.core.storage.locks import only_writer
from finback.core.storage.temporaries import new_temporary_folder

SHOWING = ".finback-showing"  # the note


@contextmanager
def whole_folder(path: Path, last: str) -> Iterator[Path]:
    """Yield a new folder whose content becomes that of `path` on success; `last` is shown after all others.

    `path` must be absent, or empty but for hidden files. Raises `RunError` when it is not, `LockError` when
    another process writes there, `WriteError` when it cannot be written to.
    """
    _check_empty(path, last)
    with only_writer(path):
        _check_empty(path, last)
        hidden: Path | None = None
        try:
            hidden = new_temporary_folder(path)
            yield hidden
            sync_folder(hidden)
            (path / SHOWING).touch()
            for entry in sorted(hidden.iterdir(), key=lambda entry: (entry.name == last, entry.name)):
                _replace(entry, path / entry.name)
            is_whole(path, last)
        except OSError as error:
            raise write_error(path, error) from error
        finally:
            if hidden is not None:
                shutil.rmtree(hidden, ignore_errors=True)


def is_whole(path: Path, last: str) -> bool:
    """Whether the folder holds `last`, and so all; then the note goes, if a killed process left it."""
    if not (path / last).exists():
        return False
    with suppress(OSError):  # nothing to remove, or a folder that may only be read
        (path / SHOWING).unlink()
    return True


def is_free(path: Path, last: str) -> bool:
    """Whether the folder is absent, or empty but for hidden files and for what a killed process left."""
    shown = path.is_dir() and any(not entry.name.startswith(".") for entry in path.iterdir())
    return not shown or (not is_whole(path, last) and (path / SHOWING).exists())


def _check_empty(path: Path, last: str) -> None:
    if not is_free(path, last):
        raise RunError(f"{path}: not empty, and no run folder", "give another --out")


def _replace(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    os.replace(source, target)
