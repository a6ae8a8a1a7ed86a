"""Read-only places: a result is shown even where no copy of it can be kept.

    with kept(run.metrics):                     # a warning `NotKept` instead of an error
        write_json(run.metrics, result)
    page = writable_folder(run.path) / "report.html"    # another folder where the run's folder refuses

A run folder may lie on a read-only disk, belong to a colleague, or be on a disk that is full.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finback.core.errors import NotKept, WriteError
from finback.core.storage.temporaries import new_temporary
from finback.core.text import printable


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """In the block a copy of a result is written to `path`; if that fails, a warning says so."""
    try:
        yield
    except WriteError as error:
        warnings.warn(f"{error.problem}: the result is shown, but not kept there", NotKept, stacklevel=3)


def writable_folder(folder: Path) -> Path:
    """The folder, or a new temporary folder where it cannot be written to; then a warning names it.

    Raises `OSError` when there is no folder for temporary files either.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new_temporary(folder / "trial").unlink()
    except OSError as error:
        other = Path(tempfile.mkdtemp(prefix=f"finback-{folder.resolve().name[:40]}-"))
        reason = error.strerror or error
        message = f"{printable(str(folder))}: could not be written ({reason}); see {printable(str(other))}"
        warnings.warn(message, NotKept, stacklevel=2)
        return other
    return folder
