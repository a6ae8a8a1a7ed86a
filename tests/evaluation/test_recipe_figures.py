"""A run that learned from all tapes gets the figures of its recipe in folds, and of no other recipe."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json
from finback.evaluation.recipe_figures import figures_of_folds
from finback.models.export.folder import package_run


@pytest.fixture
def folds(trained: Path, tmp_path: Path) -> RunFolder:
    """A run that says that it has three folds."""
    found = RunFolder(shutil.copytree(trained, tmp_path / "folds"))
    found.note(n_folds=3)
    return found


def test_the_card_has_the_figures_of_the_folds(trained: Path, folds: RunFolder, tmp_path: Path) -> None:
    settings = {k: v for k, v in folds.info.settings.items() if k not in ("unknown", "split", "wave")}
    folds.note(settings=settings)  # of an older version, without some settings
    metrics = figures_of_folds(trained, folds.path)
    assert metrics == {**read_json(folds.metrics), "n_folds": 3}
    text = package_run(trained, tmp_path / "small", metrics=metrics) / "card.md"
    assert "- tested: the recipe, in 3 folds of whole tapes" in text.read_text(encoding="utf-8")


def test_another_recipe_is_refused(trained: Path, folds: RunFolder) -> None:
    settings = folds.info.settings
    folds.note(settings={**settings, "training": {**settings["training"], "epochs": 99}})
    with pytest.raises(RunError, match=r"not the recipe and the clips.*training\.epochs.*99"):
        figures_of_folds(trained, folds.path)
    folds.note(settings=settings, data_fingerprint="0" * 16)
    with pytest.raises(RunError, match="data_fingerprint"):
        figures_of_folds(trained, folds.path)


def test_a_run_without_folds_or_without_evaluation_is_refused(trained: Path, folds: RunFolder) -> None:
    folds.metrics.unlink()
    for path in (trained, folds.path):
        with pytest.raises(RunError, match="not a run with folds that was evaluated"):
            figures_of_folds(trained, path)
