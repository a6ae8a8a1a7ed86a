"""A run's page, whatever the run is."""

from __future__ import annotations

from pathlib import Path

from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.evaluation.pages import generator, vocoder
from finback.report.pages import classifier as page

PAGES = {"generator": generator.render, "vocoder": vocoder.render}


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into a run's folder; the page's path. Raises `RunError`."""
    kind = RunFolder.open(path).info.kind
    return PAGES.get(kind, page.render)(path, progress)
