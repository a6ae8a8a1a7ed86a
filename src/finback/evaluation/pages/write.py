"""A run's page, of whatever kind the run is."""

from __future__ import annotations

from pathlib import Path

from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.storage.locks import only_writer
from finback.evaluation.pages import classifier, generator, vocoder
from finback.models.pretrained import own_run

PAGES = {"generator": generator.write, "vocoder": vocoder.write}  # all other kinds: a classifier's page


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into a run's folder; the page's path. Raises `RunError`."""
    path = own_run(path, "a report", "the figures of this model: finback export NAME --to card")
    kind = RunFolder.open(path).info.kind
    with only_writer(path, required=False):
        return PAGES.get(kind, classifier.write)(path, progress)
