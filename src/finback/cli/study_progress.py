"""The table above the progress bar while a comparison trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finback.cli.console import LiveTable

if TYPE_CHECKING:
    from finback.evaluation.study import StudyProgress


def show_progress(live_table: LiveTable, rows: Sequence[StudyProgress], what: str = "family") -> None:
    """The table above the progress bar."""
    from finback.evaluation.cost import in_words

    def cells(r: StudyProgress) -> tuple[object, ...]:
        left = "failed" if r.error else "done" if r.done == r.total else in_words(r.left_s)
        return r.candidate, f"{r.done} of {r.total}", r.best, in_words(r.spent_s) if r.spent_s else "-", left

    columns = (what, "trained", "validation macro-F1", "time spent", "time left, at most")
    live_table.show(columns, [cells(r) for r in rows])
