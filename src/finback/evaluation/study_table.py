"""Results of a study as a CSV table: an interval takes two columns, and an unknown value is an empty cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from finback.core.files import write_atomic


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns; a value that a row does not have is an empty cell."""
    out = StringIO()
    table = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({k: "" if v is None else v for k, v in row.items()})
    write_atomic(path, out.getvalue())


def interval_columns(key: str, interval: Sequence[float] | None) -> dict[str, float]:
    """{`<key>_low`: ..., `<key>_high`: ...}; empty without an interval."""
    return dict(zip((f"{key}_low", f"{key}_high"), interval or (), strict=False))
