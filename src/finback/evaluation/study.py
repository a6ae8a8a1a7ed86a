"""What studies of many trainings share: one that fails is named in a table, and the others go on."""

from __future__ import annotations

from finback.core.errors import FinbackError

FAILURES = (FinbackError, RuntimeError, ValueError)


def in_a_line(error: Exception) -> str:
    """What went wrong, as it stands in a table."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, FinbackError) else f"{type(error).__name__}: {text[:300]}"
