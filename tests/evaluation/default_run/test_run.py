"""A run without a family: the choice is nested, the model sees all clips, and it resumes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from finback.core.errors import RunError, SplitError
from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.core.runs.split_table import read_rows
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.data.splits.settings import SplitSettings
from finback.evaluation import pipeline
from finback.evaluation.default_run.choice import DefaultPlan, part
from finback.evaluation.default_run.run import run
from finback.evaluation.pipeline import Done
from finback.models.predictor import Predictor
from finback.training.plan import Plan
from finback.training.settings import resolve

FAMILIES = ("mfcc-plda", "mfcc-forest")


def plan(seed: int = 0, **other: Any) -> DefaultPlan:
    settings = {family: resolve(family=family, overrides=["unknown.noises=20"]) for family in FAMILIES}
    given = {"families": FAMILIES, "folds": 3, **other}
    return DefaultPlan(settings.__getitem__, seed, "cpu", "finback run ...", **given)


def request(simulated: Path, **other: Any) -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv", **other)


def silent(text: str) -> None:
    pass


@pytest.fixture(scope="module")
def done(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    out = tmp_path_factory.mktemp("auto") / "run"
    return run(plan(), request(simulated), out, no_progress, silent)


def test_each_clip_is_tested_once_by_a_model_that_did_not_see_its_group(done: Done) -> None:
    clips = Manifest.load(RunFolder(done.folder).manifest).clips
    scores, folds = load_scores(done.folder / "scores.parquet", clips)
    assert sorted(c.key for c in scores.clips) == sorted(c.key for c in clips)
    assert done.choice is not None
    for k, family in enumerate(done.choice["folds"]):
        rows = read_rows(part(done.folder, family, k) / "split.csv")
        known = {row.group for row in rows if row.subset in ("train", "validation")}
        assert not known & {c.group for c, fold in zip(scores.clips, folds, strict=True) if fold == k}


def test_the_choice_has_the_least_loss_on_groups_left_out_in_training(done: Done) -> None:
    assert done.choice is not None
    losses = done.choice["losses"]
    for k, chosen in enumerate(done.choice["folds"]):
        assert losses[chosen][k] == min(row[k] for row in losses.values())
    means = {family: sum(row) / len(row) for family, row in losses.items()}
    assert done.choice["family"] == min(means, key=means.__getitem__)


def test_the_model_in_the_folder_was_trained_on_everything(done: Done) -> None:
    info = RunFolder.open(done.folder).info
    assert done.choice is not None
    assert info.family == done.choice["family"]
    assert not info.n_folds
    assert info.splits[0]["clips"]["test"] == info.splits[0]["clips"]["set_aside"] == 0
    assert info.gate["method"] == "gate"
    predictor = Predictor.load(done.folder, "cpu")
    assert predictor.classes.names[-1] == "none of these"
    assert done.metrics["n_folds"] == 3
    assert not list((done.folder / "choice").rglob("weights.safetensors"))


def test_the_end_says_what_the_figures_are_and_what_to_do(done: Done) -> None:
    assert any("each once in 3 folds" in line for line in done.headline)
    commands = [step.command for step in done.next if step.command]
    assert any(command.startswith(f"finback predict {done.folder} ") for command in commands)
    assert any(command.startswith(f"finback scan {done.folder} ") for command in commands)
    assert all(" not tested" not in step.text for step in done.next)
    page = done.report.read_text(encoding="utf-8")
    assert "What to do next" in page
    assert "These figures are those of 3 folds" in page
    assert page.index("What to do next</h2>") > page.index("Reproduce this run")


def test_an_interrupted_run_ends_as_one_never_stopped(done: Done, simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut"

    def interrupt(items: Any, what: str, total: int | None = None) -> Any:
        if "fold 2 of 3" in what:
            raise KeyboardInterrupt
        return no_progress(items, what, total)

    with pytest.raises(KeyboardInterrupt):
        run(plan(), request(simulated), out, interrupt, silent)
    assert not (out / "run.json").exists()
    with pytest.raises(RunError, match="family auto -> mfcc-plda"):
        pipeline.run(
            Plan("mfcc-plda", resolve(family="mfcc-plda")), request(simulated), out, no_progress, silent
        )
    again = run(plan(), request(simulated), out, no_progress, silent)
    assert again.metrics == done.metrics
    assert again.choice == done.choice
    name = "weights.safetensors"
    assert (out / name).read_bytes() == (done.folder / name).read_bytes()


def test_a_finished_run_is_said_and_stays_as_it_is(done: Done, simulated: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in done.folder.rglob("[!.]*") if p.is_file()}
    lines: list[str] = []
    again = run(plan(), request(simulated), done.folder, no_progress, lines.append)
    assert any("this run is finished" in line for line in lines)
    assert again.metrics == done.metrics
    assert again.next == done.next
    assert {p: p.stat().st_mtime_ns for p in done.folder.rglob("[!.]*") if p.is_file()} == before


def test_another_run_is_refused(done: Done, trained: Path, simulated: Path) -> None:
    with pytest.raises(RunError, match=r"holds another run \(seed"):
        run(plan(seed=1), request(simulated), done.folder, no_progress, silent)
    with pytest.raises(RunError, match="family cnn2d -> auto"):
        run(plan(), request(simulated), trained, no_progress, silent)
    other = Plan("dnn", resolve(family="dnn"), 0, "cpu")
    with pytest.raises(RunError, match="holds another run"):
        pipeline.run(other, request(simulated), done.folder, no_progress, silent)


def test_one_split_is_chosen_within_and_tested_as_said(simulated: Path, tmp_path: Path) -> None:
    split = SplitSettings(fractions=(0.5, 0.25, 0.25))
    done = run(plan(), request(simulated), tmp_path / "run", no_progress, silent, split)
    info = RunFolder.open(done.folder).info
    assert info.setting("split", "fractions") == [0.5, 0.25, 0.25]
    assert done.metrics["n_clips"] == info.splits[0]["clips"]["test"] > 0
    assert "n_folds" not in done.metrics
    assert done.choice is not None
    assert len(done.choice["folds"]) == 1


@pytest.mark.parametrize("labels", ["one species", "one group each", "two clips"])
def test_few_data_are_said_in_kind_words(labels: str, simulated: Path, tmp_path: Path) -> None:
    table = (simulated / "labels.csv").read_text(encoding="utf-8").splitlines()
    species = [row.split(",")[1] for row in table]
    chosen = {
        "one species": [row for row, name in zip(table, species, strict=True) if name == species[1]],
        "one group each": [row for row in table[1:] if "-t1-" in row],
        "two clips": [table[1], table[-1]],
    }[labels]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([table[0], *chosen]) + "\n", encoding="utf-8")
    asked = IndexRequest(audio=simulated / "audio", labels=path)
    with pytest.raises(SplitError, match=r"only one species|too few species have clips of two") as error:
        run(plan(), asked, tmp_path / "run", no_progress, silent)
    assert error.value.repair
    assert not (tmp_path / "run" / "run.json").exists()
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


def test_the_default_has_choices_on_every_installation() -> None:
    from finback.evaluation.default_run.choice import FAMILIES as DEFAULT
    from finback.models import family

    assert all(family(name).stages == ("fit",) for name in DEFAULT)
