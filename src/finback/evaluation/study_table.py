"""Results of a study as a CSV table: an interval takes two columns, and an unknown value is an empty cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from finback.core.storage.csv_files import write_csv


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns; a value that a row does not have is an empty cell."""
    write_csv(path, columns, [[row.get(column) for column in columns] for row in rows])


def interval_columns(key: str, interval: Sequence[float] | None) -> dict[str, float]:
    """{`<key>_low`: ..., `<key>_high`: ...}; empty without an interval."""
    return dict(zip((f"{key}_low", f"{key}_high"), interval or (), strict=False))
