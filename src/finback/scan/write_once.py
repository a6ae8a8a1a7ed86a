"""A file that is written once: the same text again is nothing new, another text is refused."""

from __future__ import annotations

from pathlib import Path

from finback.core.errors import RunError
from finback.core.storage.files import write_atomic


def write_same(path: Path, text: str) -> None:
    """Write a file, unless it is there with this text. Raises `RunError` when it holds something else."""
    if path.exists():
        if path.read_bytes() != text.encode():
            raise RunError(f"{path}: is there, and holds something else", "give another --out")
        return
    write_atomic(path, text)
