"""What comparisons print: the table above the progress bar while they train, and the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.cli.console import LiveTable, out, out_json

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


def show_result(
    result: dict[str, Any], folder: Path, json: bool, show: Callable[[dict[str, Any]], None]
) -> None:
    """The result as a table and the place of its page; or all of it as a JSON object."""
    if json:
        out_json({"out": str(folder), "report": str(folder / "report.html"), **result})
    else:
        show(result)
        out(f"report: {folder / 'report.html'}")
