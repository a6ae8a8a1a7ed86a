"""Where finback keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path

from finback.core.storage.paths import file_name


def default_folder() -> Path:
    """`$FINBACK_CACHE`, else `$XDG_CACHE_HOME/finback`, else `~/.cache/finback`."""
    chosen = os.environ.get("FINBACK_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "finback"


def first_time(what: str, name: str) -> bool:
    """Whether this is said for the first time to this user; also where that cannot be kept."""
    note = default_folder() / "said" / f"{what}-{file_name(name)}.txt"
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        with open(note, "x", encoding="utf-8"):
            return True
    except FileExistsError:
        return False
    except OSError:
        return True
