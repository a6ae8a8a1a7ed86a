"""Training, evaluating and comparing from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import finback
from finback.core.errors import RunError, SettingsError
from finback.data.dataset import Dataset
from finback.evaluation.trained_run import overrides

TINY = {"training": {"epochs": 1, "batch_size": 4}, "model": {"width": 4, "depth": 2}}


def test_settings_are_those_of_the_command_line() -> None:
    given = {"epochs": 3, "model": {"lstm": {"hidden": 8}, "width": 4}, "split": {"fractions": (0.8, 0.2, 0)}}
    assert overrides(given) == [
        *("training.epochs=3", "model.lstm.hidden=8", "model.width=4", "split.fractions=[0.8, 0.2, 0]"),
    ]


@pytest.mark.parametrize("given", [{"epoch": 3}, {"model": 4}, {"nothing_like": 1}])
def test_a_wrong_setting_is_refused_by_name(given: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given))):
        overrides(given)


def test_a_run_is_evaluated_and_reported(trained: Path) -> None:
    run = finback.TrainedRun(trained)
    metrics = run.evaluate()
    assert metrics["accuracy"] == pytest.approx(metrics.species.rows and metrics["accuracy"])
    text = repr(metrics)
    assert "95 % intervals" in text
    assert "Sperm whale" in text
    assert "<table>" in metrics._repr_html_()
    assert run.figure("confusion")._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(SettingsError, match="no such figure"):
        run.figure("nothing")
    assert repr(run) == f"TrainedRun({str(trained)!r}: cnn2d, 4 species)"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a finback run folder"):
        finback.TrainedRun(tmp_path)


def test_families_are_compared_in_one_call(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    leaderboard = finback.compare(tiny_dataset, tmp_path, ["mfcc-plda", "mfcc-forest"], folds=2, preset=tiny)
    assert {row[1] for row in leaderboard.table.rows} == {"mfcc-plda", "mfcc-forest"}
    assert leaderboard.leader.info.family == leaderboard["leader"]
    assert leaderboard.picture._repr_png_()[:4] == b"\x89PNG"
    assert "macro-F1" in repr(leaderboard)
    assert "<img" in leaderboard._repr_html_()


def test_a_gaussian_generates_after_training(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    run = finback.train("gaussian", tiny_dataset, tmp_path / "run", preset=tiny)
    report = run.generate("Sperm whale", n=2, out=tmp_path / "made")
    assert len(report.files["Sperm whale"]) == 2
    assert report._repr_html_().count("<audio") == 1
