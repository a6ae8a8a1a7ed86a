"""A run that was trained on all tapes gets the figures of its recipe in folds, and of no other recipe."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import read_rows
from finback.core.storage.files import read_json, write_json
from finback.evaluation.recipe_figures import figures_of_recipe
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
    measured = figures_of_recipe(trained, folds.path)
    assert measured == {"metrics.json": {**read_json(folds.metrics), "n_folds": 3}}
    text = package_run(trained, tmp_path / "small", measured=measured) / "card.md"
    assert "- tested: the recipe, in 3 folds of whole tapes" in text.read_text(encoding="utf-8")


def test_another_recipe_is_refused(trained: Path, folds: RunFolder) -> None:
    settings = folds.info.settings
    folds.note(settings={**settings, "training": {**settings["training"], "epochs": 99}})
    with pytest.raises(RunError, match=r"not the recipe and the clips.*training\.epochs.*99"):
        figures_of_recipe(trained, folds.path)
    folds.note(settings=settings, data_fingerprint="0" * 16)
    with pytest.raises(RunError, match="data_fingerprint"):
        figures_of_recipe(trained, folds.path)


def test_a_run_without_folds_or_without_evaluation_is_refused(trained: Path, folds: RunFolder) -> None:
    folds.metrics.unlink()
    for path in (trained, folds.path):
        with pytest.raises(RunError, match="not a run with folds that was evaluated"):
            figures_of_recipe(trained, path)


AUDIT = {
    "generators": {"gaussian": "/home/ann/runs/twin"},
    "recognised": {"gaussian": {"n_clips": 4, "accuracy": 0.5}},
    "distances": [],
    "copying": {"logmel": {"rows": {"gaussian": {"below_pair": 0.25}}}},
}


def test_a_generator_gets_the_audit_of_a_twin(generator_run: Path, tmp_path: Path) -> None:
    twin = RunFolder(shutil.copytree(generator_run, tmp_path / "twin"))
    twin.generator_audit.unlink(missing_ok=True)
    with pytest.raises(RunError, match="not audited"):
        figures_of_recipe(generator_run, twin.path)
    write_json(twin.generator_audit, AUDIT)
    measured = figures_of_recipe(generator_run, twin.path)
    n = {
        name: sum(row.subset == name for row in read_rows(twin.split_table))
        for name in ("validation", "test")
    }
    assert measured["generator_audit.json"]["twin"]["n_left_out"] == sum(n.values()) > 0
    card = (package_run(generator_run, tmp_path / "small", measured=measured) / "card.md").read_text("utf-8")
    assert f"without the tapes of {sum(n.values())}; this model was trained on all tapes" in card
    assert read_json(tmp_path / "small" / "generator_audit.json")["generators"] == {"gaussian": "runs/twin"}
    twin.note(settings={**twin.info.settings, "model": {"n_components": 3}})
    with pytest.raises(RunError, match="not the recipe"):
        figures_of_recipe(generator_run, twin.path)
