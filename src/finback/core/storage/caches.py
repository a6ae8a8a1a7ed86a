"""Where finback keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path


def default_folder() -> Path:
    """`$FINBACK_CACHE`, else `$XDG_CACHE_HOME/finback`, else `~/.cache/finback`."""
    chosen = os.environ.get("FINBACK_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "finback"
