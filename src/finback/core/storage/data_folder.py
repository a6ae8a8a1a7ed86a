"""Where finback keeps what it cannot compute again: files that the user gave it, such as weights."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "FINBACK_BACKBONES"


def added_backbones() -> Path:
    """`$FINBACK_BACKBONES`, else `$XDG_DATA_HOME/finback/backbones`, else `~/.local/share/finback/backbones`.

    The folder need not exist.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")
    return Path(data) / "finback" / "backbones"
