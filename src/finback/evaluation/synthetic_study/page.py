"""`report.html` of a synthetic study, drawn from its JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_atomic
from finback.report.pages.common import save_pictures
from finback.report.pages.synthetic_study import SyntheticStudyPage, figures, render


def write(result: Mapping[str, Any], folder: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into `folder`; the page's path."""
    pictures = save_pictures(figures(result), folder / "figures", progress)
    page = RunFiles(folder).report
    write_atomic(page, render(SyntheticStudyPage(folder.resolve().name, result, pictures)))
    return page
