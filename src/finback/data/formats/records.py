"""Events from the rows of a file of typed values (Parquet, SQLite), with the rows that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.types import Event
from finback.data.formats.base import Annotations
from finback.data.formats.fields import event_of
from finback.data.problems import Problem


def events_of(
    path: Path, rows: Iterable[Mapping[str, object]], format: str, label_column: str | None = None
) -> Annotations:
    """The events of the rows, which count from 1. Raises `ManifestError` when none can be read."""
    events: list[Event] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        values = row if label_column is None else {**row, "species": row[label_column]}
        try:
            events.append(event_of(values))
        except ValueError as error:
            problems.append(Problem("bad_span", path.name, number, str(error), "correct the row"))
        except ManifestError as error:
            problems.append(Problem("bad_span", path.name, number, error.problem, error.repair))
    if problems and not events:
        raise ManifestError(f"{path}: no row can be read; first: {problems[0]}", "correct the rows")
    return Annotations(tuple(events), format, tuple(problems))
