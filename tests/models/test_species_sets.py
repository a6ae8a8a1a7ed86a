"""Sets of species from left-out groups: of a run, in predictions and evaluations, and why there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import finback
from finback.cli.app import app
from finback.core.errors import InputError, RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.left_out import load_left_out, save_left_out
from finback.core.storage.csv_files import read_csv
from finback.data.dataset import Dataset
from finback.evaluation.evaluate import evaluate_run
from finback.models.predict import Model
from finback.models.species_sets import SpeciesSets
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture
def run(sharp: Path, tmp_path: Path) -> RunFolder:
    """A run with ten left-out tapes of one clip, whose true species had 0.05, 0.10 ... 0.50."""
    folder = RunFolder(shutil.copytree(sharp, tmp_path / "run"))
    save_left_out(folder.left_out, "validation", [f"t{i}" for i in range(10)], np.arange(1, 11) / 20)
    return folder


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "left_out.json"
    save_left_out(path, "cross-fitted", ["a", "b", "a"], [0.1234567, 1.0, 0.0])
    assert load_left_out(path) == {"a": [0.123456, 0.0], "b": [1.0]}  # rounded down
    path.write_text(json.dumps({"how": "guessed", "groups": {}}))
    with pytest.raises(RunError, match=r"damaged.*how"):
        load_left_out(path)


def test_a_set_holds_the_species_that_reach_the_least_probability(run: RunFolder) -> None:
    sets = SpeciesSets.of_run(run, 0.9)
    assert sets.least == pytest.approx(0.05)  # ten of eleven shares are reached at the last tape
    assert sets.n_groups == 10
    some = SpeciesSets.of_run(run, 0.5)
    assert some.least == pytest.approx(0.25)
    names = run.info.labels
    p = np.array([0.3, 0.26, 0.24, 0.2])
    assert some.of(p).species == (names[0], names[1])
    assert some.of(p[::-1]).species == (names[3], names[2])


def test_too_few_groups_are_refused_by_name(run: RunFolder) -> None:
    with pytest.raises(RunError, match=r"sets at 0.95 need 19 .* the run has 10; take 0.9 or less, or train"):
        SpeciesSets.of_run(run, 0.95)
    run.left_out.unlink()
    with pytest.raises(RunError, match=r"left_out.json.*; train the run again"):
        SpeciesSets.of_run(run, 0.5)


def test_predictions_have_sets_where_they_are_asked_for(
    run: RunFolder, simulated: Path, tmp_path: Path
) -> None:
    model: Model = finback.load(run.path, "cpu")
    paths = [str(p) for p in sorted((simulated / "audio").iterdir())[:3]]
    plain, found = model.predict(list(paths)), model.predict(list(paths), sets=0.5)
    for before, after in zip(plain, found, strict=True):
        assert np.array_equal(before.probabilities, after.probabilities)
        assert before.species_set is None
        assert after.species_set is not None
        wanted = [name for name, p in after.top(4) if p >= 0.25]
        assert list(after.species_set.species) == (wanted or [after.top(1)[0][0]])
    rows = list(read_csv(found.to_csv(tmp_path / "found.csv")))
    assert rows[0]["set"] == "; ".join(found[0].species_set.species)  # type: ignore[union-attr]
    assert "set" not in plain.rows()[0]
    with pytest.raises(InputError, match="sets at 1"):
        model.predict(paths[0], sets=1.0)


def test_the_command_shows_them(run: RunFolder, simulated: Path) -> None:
    path = str(min((simulated / "audio").iterdir()))
    shown = CliRunner().invoke(app, ["predict", str(run.path), path, "--sets", "0.9"])
    assert "species (90 %): " in shown.output, shown.output
    as_json = CliRunner().invoke(app, ["predict", str(run.path), path, "--sets", "0.9", "--json"])
    answer = json.loads(as_json.stdout)["predictions"][0]["set"]
    assert answer["level"] == 0.9
    assert set(answer["species"]) <= set(run.info.labels)


def test_an_evaluation_measures_their_coverage(run: RunFolder) -> None:
    run.metrics.unlink(missing_ok=True)
    found = evaluate_run(run.path)["sets"]
    assert found["level"] == 0.9
    assert 0 <= found["coverage"] <= 1 <= found["mean_size"] <= 4
    run.metrics.unlink()
    save_left_out(run.left_out, "validation", ["a"], [0.5])
    few = evaluate_run(run.path)["sets"]
    assert few["refused"].startswith("sets at 0.9 need 9 recording groups")
    assert str(run.path) not in few["refused"]
    run.metrics.unlink()
    run.left_out.write_text("[]")
    with pytest.raises(RunError, match=r"left_out.json: damaged"):
        evaluate_run(run.path)


def test_a_fitted_head_leaves_every_tape_out(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    settings = resolve(tiny, ["split.fractions=[0.85,0.15,0.0]"], family="mfcc-plda")
    run = train(Plan("mfcc-plda", settings, seed=1), tiny_dataset, tmp_path / "run")
    groups = {c.group_key for c in tiny_dataset.clips}
    assert set(load_left_out(run.left_out)) == groups
    assert SpeciesSets.of_run(run, 0.9).n_groups == len(groups)
