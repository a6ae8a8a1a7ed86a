"""A folder that is whole or absent: it is filled under a hidden name inside itself, then shown.

    with whole_folder(out, last="run.json") as hidden:
        ...                                     # write hidden/members/0/weights.safetensors and so on

A process killed in the middle leaves a hidden folder, which the next one sweeps. Killed while the files are
shown, it leaves a note; the next one then knows that the files are its own, and replaces them. Where `last`
is shown, the folder is whole: a note that is still there means nothing, and `is_whole` removes it.

    with added_folder(out) as hidden:           # the same for files that may be there from an earlier time
"""

from __future__ import annotations

import filecmp
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
    with hidden_folder(path) as hidden:
        _check_empty(path, last)
        yield hidden
        sync_folder(hidden)
        (path / SHOWING).touch()
        for entry in sorted(hidden.iterdir(), key=lambda entry: (entry.name == last, entry.name)):
            _replace(entry, path / entry.name)
        is_whole(path, last)


@contextmanager
def added_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder whose files are added to those of `path` on success; what is there must be the same.

    So nothing is overwritten, and a command that was killed while its files were shown can be run again.
    Raises `RunError` when `path` holds another file, or the same one with other bytes; `LockError` and
    `WriteError` as `whole_folder`.
    """
    with hidden_folder(path) as hidden:
        yield hidden
        sync_folder(hidden)
        new = _files(hidden)
        for name in _files(path):
            if name not in new or not filecmp.cmp(hidden / name, path / name, shallow=False):
                raise RunError(f"{path / name}: is there already", "give the name of a new folder")
        for name in sorted(new):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(hidden / name, path / name)


@contextmanager
def hidden_folder(path: Path, wait_s: float = 0.0) -> Iterator[Path]:
    """Yield a new hidden folder in `path`, which nobody else writes to meanwhile; it is gone afterwards.

    Waits so long for another process. Raises `LockError` and `WriteError`.
    """
    with only_writer(path, wait_s):
        hidden: Path | None = None
        try:
            hidden = new_temporary_folder(path)
            yield hidden
        except OSError as error:
            raise write_error(path, error) from error
        finally:
            if hidden is not None:
                shutil.rmtree(hidden, ignore_errors=True)


def _files(folder: Path) -> set[Path]:
    """The paths of all files in a folder, relative to it, without hidden ones."""
    found = (Path(root).relative_to(folder) / name for root, _, names in os.walk(folder) for name in names)
    return {path for path in found if not any(part.startswith(".") for part in path.parts)}


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
