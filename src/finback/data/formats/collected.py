"""The events of a table as they are collected row by row, with the rows that are left out and why."""

from __future__ import annotations

from collections import defaultdict

from finback.core.errors import ManifestError
from finback.core.types import Event
from finback.data.formats.base import Annotations, Fault
from finback.data.formats.other_values import OtherValues
from finback.data.problems import Problem
from finback.data.tables import Row, Table

ROUNDED_S = 0.01  # a start so little before the file is a rounded zero


def placed(file: str, start_s: float, stop_s: float, label: str) -> Event | Fault:
    """The event of a row, or why there is none."""
    if -ROUNDED_S <= start_s < 0:
        start_s = 0.0
    if start_s < 0:
        return Fault(
            "bad_span", f"starts at {start_s:g} s, before the file", "count from the start of the file"
        )
    if stop_s < start_s:
        message = f"ends at {stop_s:g} s, before its start at {start_s:g} s"
        return Fault("bad_span", message, "give an end after the start")
    return Event(file, start_s, stop_s, label)


class Collected:
    """The events of one table so far."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._others = OtherValues.of_table(table)
        self._events: list[Event] = []
        self._problems: list[Problem] = list(table.problems)
        self._unread: dict[str, list[int]] = defaultdict(list)

    def note_no_label(self) -> None:
        """Say that no column is known to hold labels."""
        message = f"no column says what was found, so labels are empty (it has: {self._table.columns})"
        self.note("layout", message, "name the column of the labels")

    def note(self, kind: str, message: str, repair: str) -> None:
        """A remark on the table as a whole."""
        self._problems.append(Problem(kind, self._table.path.name, 1, message, repair))

    def add(self, row: Row, file: str, span: Event | Fault) -> None:
        """Add the event of a row with its band and scores, or the reason why the row is left out."""
        if isinstance(span, Fault):
            name = file.replace("\\", "/").rsplit("/", 1)[-1]
            self._problems.append(Problem(span.kind, name[:300], row.number, span.message, span.repair))
            return
        event, unread = self._others.added(span, row)
        self._events.append(event)
        for name in unread:
            self._unread[name].append(row.number)

    def annotations(self, format: str, notes: tuple[Problem, ...] = ()) -> Annotations:
        """All that was collected. Raises `ManifestError` when the table has rows and none can be read."""
        unread = tuple(self._unread_note(name, rows) for name, rows in self._unread.items())
        problems = (*self._problems, *notes, *unread)
        refused = [problem for problem in problems if not problem.is_note]
        if refused and not self._events:
            where = f"{self._table.path}: none of its {len(self._table.rows)} rows can be read"
            raise ManifestError(f"{where}; first: {refused[0]}", "correct the rows")
        return Annotations(tuple(self._events), format, problems)

    def _unread_note(self, name: str, rows: list[int]) -> Problem:
        count = f"{len(rows)} rows, first row {rows[0]}" if len(rows) > 1 else f"row {rows[0]}"
        message = f"column '{name}' has a value that cannot be used ({count}), which is left empty"
        repair = "correct it if you need it"
        return Problem("ignored_column", self._table.path.name, rows[0], message, repair)
