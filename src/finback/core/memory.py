"""How much memory this computer has, so that work that cannot fit is refused before it begins."""

from __future__ import annotations

import os

UNKNOWN = 64 << 30  # bytes that are assumed where the system does not say (Windows)


def computer_memory() -> int:
    """Bytes of memory of this computer."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def gigabytes(n_bytes: float) -> str:
    """Bytes as text: `3.2 GB`, `1.5e+07 GB`."""
    return f"{n_bytes / (1 << 30):.3g} GB"
