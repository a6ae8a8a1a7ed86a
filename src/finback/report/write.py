"""A run's page, whatever the run is."""

from __future__ import annotations

from pathlib import Path

from finback.files import Progress, no_progress
from finback.report import generator, page, vocoder
from finback.training.run import RunFolder

PAGES = {"generator": generator.render, "vocoder": vocoder.render}


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into a run's folder; the page's path. Raises `RunError`."""
    kind = RunFolder.open(path).facts.get("kind", "")
    return PAGES.get(kind, page.render)(path, progress)
