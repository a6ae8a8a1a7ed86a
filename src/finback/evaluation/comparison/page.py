"""`report.html` of a comparison, drawn from the leaderboard's object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_atomic
from finback.report.pages.common import save_pictures
from finback.report.pages.leaderboard import ComparisonPage, figures, render


def write(comparison: Mapping[str, Any], folder: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into `folder` from the leaderboard's object; the page's path."""
    pictures = save_pictures(figures(comparison), folder / "figures", progress)
    page = RunFiles(folder).report
    write_atomic(page, render(ComparisonPage(folder.resolve().name, comparison, pictures)))
    return page
