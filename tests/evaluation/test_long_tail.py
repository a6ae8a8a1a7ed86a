"""A long tail of species end to end: every choice, and nothing crashes, whoever has only one clip."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finback.audio.io import write
from finback.cli import main
from finback.core.errors import SettingsError, SplitError
from finback.core.progress import no_progress
from finback.core.runs.files import WEIGHTS
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json
from finback.core.types import Clip
from finback.data.audit import baselines
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.evaluation import pipeline
from finback.evaluation.comparison import run as compare
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.pages.classifier import write as write_report
from finback.evaluation.study import StudyOptions
from finback.features.cache import FeatureStore
from finback.models.predictor import Predictor
from finback.models.weights import load_tensors
from finback.training.batches import TrainingInputs
from finback.training.plan import Plan
from finback.training.settings import resolve

RATE = 8000
QUICK = ["training.epochs=1", "model.dnn.hidden=16", "model.dnn.embedding=8"]
COMMON = {"fin": {"a": 3, "b": 3, "c": 3}, "sei": {"d": 3, "e": 3, "f": 3}, "orca": {"g": 4, "h": 4}}
TAIL = {**COMMON, "minke": {"i": 1, "j": 1}, "blue": {"k": 1}, "grey": {"a": 1}}


def corpus(folder: Path, table: dict[str, dict[str, int]]) -> IndexRequest:
    """Recordings of {species: {tape: clips}}: each species two tones of its own in noise."""
    rng = np.random.default_rng(0)
    time = np.arange(RATE * 2 // 5) / RATE
    rows = []
    for s, (species, tapes) in enumerate(table.items()):
        for tape, n in tapes.items():
            for i in range(n):
                low = 300 + 2900 * s / len(table)
                call = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * (low + 400 * (s % 3)) * time)
                noise = rng.standard_normal(len(time))
                name = f"{species}-{tape}-{i}.wav"
                write(folder / "audio" / name, (0.2 * call + 0.05 * noise).clip(-1, 1), RATE)
                rows.append([name, species, tape])
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([["file", "species", "group"], *rows])
    return IndexRequest(audio=folder / "audio", labels=folder / "labels.csv")


@pytest.fixture(scope="module")
def tail(tmp_path_factory: pytest.TempPathFactory) -> IndexRequest:
    return corpus(tmp_path_factory.mktemp("tail"), TAIL)


def trained(request: IndexRequest, tiny: str, out: Path, *chosen: str, **sections: Any) -> RunFolder:
    settings = resolve(tiny, [*QUICK, *chosen], "dnn", **sections)
    return pipeline.train_on(
        Plan("dnn", settings, device="cpu"), request, out, no_progress, lambda text: None
    )


TAILS = {
    "one clip each, but two": {"fin": {"a": 3, "b": 2}, "sei": {"c": 2, "d": 2}}
    | {f"rare {n}": {f"t{n}": 1} for n in range(6)},
    "many to ten ones": {"fin": {f"f{n}": 20 for n in range(3)}}
    | {f"rare {n}": {f"t{n}": 1} for n in range(10)},
    "ones on the tapes of others": {"fin": {"a": 3, "b": 3, "c": 3}, "sei": {"a": 1}, "orca": {"b": 1}},
    "two clips of two tapes": {"fin": {"a": 1, "b": 1}, "sei": {"c": 1, "d": 1}, "orca": {"e": 1, "f": 1}},
}


@pytest.mark.parametrize("folds", [0, 2])
@pytest.mark.parametrize("name", TAILS)
def test_a_long_tail_is_trained_and_judged(name: str, folds: int, tiny: str, tmp_path: Path) -> None:
    request = corpus(tmp_path, TAILS[name])
    run = trained(request, tiny, tmp_path / "run", split={"folds": folds})
    result = evaluate_run(run.path, "cpu")
    assert set(result["per_species"]) == set(TAILS[name])
    ones = [n for n, tapes in TAILS[name].items() if sum(tapes.values()) == 1]
    assert all(result["per_species"][n]["n_clips"] == 0 for n in ones)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    if name == "one clip each, but two" and not folds:
        assert write_report(run.path).stat().st_size > 0


def test_two_species_on_the_only_tape(tiny: str, tmp_path: Path) -> None:
    """A model can be trained on them, but they cannot be tested; the messages name both."""
    request = corpus(tmp_path, {"fin": {"a": 3}, "sei": {"a": 3}})
    run = trained(request, tiny, tmp_path / "run")
    assert set(run.info.split["untestable"]) == {"fin", "sei"}
    assert cli("evaluate", str(run.path)) == 2
    with pytest.raises(SplitError, match="only 0 groups"):
        trained(request, tiny, tmp_path / "folds", split={"folds": 2})


def test_one_species_alone_on_the_training_side(tiny: str, tmp_path: Path) -> None:
    request = corpus(tmp_path, {"fin": {"a": 2, "b": 2}, "sei": {"c": 2, "d": 2}})
    rows = (tmp_path / "labels.csv").read_text().splitlines()
    sides = ["split"] + ["train" if row.split(",")[1] == "fin" else "test" for row in rows[1:]]
    (tmp_path / "labels.csv").write_text("\n".join(f"{r},{s}" for r, s in zip(rows, sides, strict=True)))
    with pytest.raises(SplitError, match="the training set holds 1 species"):
        trained(request, tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_species_that_only_validation_has(tiny: str, tmp_path: Path) -> None:
    request = corpus(tmp_path, {"fin": {"a": 2, "b": 1}, "sei": {"c": 2, "d": 1}, "orca": {"e": 1}})
    rows = (tmp_path / "labels.csv").read_text().splitlines()
    sides = {"a": "train", "c": "train", "b": "test", "d": "test", "e": "val", "group": "split"}
    (tmp_path / "labels.csv").write_text("\n".join(f"{r},{sides[r.split(',')[2]]}" for r in rows))
    for how in ("keep", "prototype"):
        run = trained(request, tiny, tmp_path / how, "training.refit=false", rare={"how": how, "below": 2})
        assert evaluate_run(run.path, "cpu")["n_clips"] == 2


def cli(*arguments: str) -> int:
    old, sys.argv = sys.argv, ["finback", *arguments]
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = old
    return int(end.value.code or 0)


@pytest.mark.parametrize("how", ["keep", "drop", "bucket", "prototype"])
def test_each_choice_by_command(
    how: str, tail: IndexRequest, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, sound = tmp_path / "run", str(tail.audio / "blue-k-0.wav")
    data = ["--audio", str(tail.audio), "--labels", str(tail.labels), "--preset", tiny]
    rest = ["--set", QUICK[0], "--set", "model.hidden=16", "--device", "cpu", "--out", str(run)]
    assert cli("train", "dnn", *data, *rest, "--rare", how) == 0
    told = capsys.readouterr().err
    assert cli("evaluate", str(run), "--json", "--device", "cpu") == 0
    judged = json.loads(capsys.readouterr().out)
    assert cli("predict", str(run), sound, "--json", "--device", "cpu") == 0
    said = json.loads(capsys.readouterr().out)["predictions"][0]["species"]
    facts = read_json(run / "run.json")
    assert facts["rare"]["species"] == {"blue": 1, "grey": 1, "minke": 2}
    extra = {"keep": {"blue", "grey", "minke"}, "drop": set(), "bucket": {"rare species"}}
    known = set(COMMON) | extra.get(how, extra["keep"])
    assert set(said) == set(judged["per_species"]) == set(facts["labels"]) == known
    assert ("blue (1); grey (1); minke (2)" in told) == (how != "keep")
    manifest = Manifest.load(run / "manifest.csv")
    assert set(manifest.labels.names) == known
    if how == "bucket":
        assert set(manifest.called or ()) == set(TAIL)
    assert cli("split", *data, "--rare", how, "--json") == 0
    split = json.loads(capsys.readouterr().out)["splits"][0]
    assert split == facts["split"]  # the same split as was trained on


def test_what_counts_as_rare_can_be_said(tail: IndexRequest, tiny: str, tmp_path: Path) -> None:
    run = trained(tail, tiny, tmp_path / "run", rare={"how": "drop", "below": 2})
    assert run.info.labels == ("fin", "minke", "orca", "sei")
    with pytest.raises(SplitError, match="0 species with 99 clips"):
        trained(tail, tiny, tmp_path / "none", rare={"how": "drop", "below": 99})


def test_the_whole_job_audits_what_it_trains(
    tail: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "TREES", 5)
    settings = resolve(tiny, QUICK, "dnn", rare={"how": "bucket"})
    said: list[str] = []
    job = Plan("dnn", settings, device="cpu")
    done = pipeline.run(job, tail, tmp_path / "run", no_progress, said.append)
    assert any("as 'rare species'" in line for line in said)
    audit = read_json(tmp_path / "run" / "audit.json")
    assert {row["species"] for row in audit["species"]} == {*COMMON, "rare species"}
    assert audit["n_clips"] == 30
    assert "rare species" in done.report.read_text()


def test_a_prototype_is_recognised_though_it_was_never_trained_on(
    tail: IndexRequest, tiny: str, tmp_path: Path
) -> None:
    """Trained without a clip of them; new recordings of the same calls are named all the same."""
    more = corpus(tmp_path / "new", {name: {"x": 4} for name in TAIL})
    (tmp_path / "new" / "more.csv").write_text((tmp_path / "new" / "labels.csv").read_text())
    run = trained(
        tail,
        tiny,
        tmp_path / "run",
        "training.epochs=12",
        "model.dnn.hidden=64",
        "model.dnn.embedding=32",
        rare={"how": "prototype"},
        split={"fractions": (0.75, 0.25, 0)},
    )
    predictor = Predictor.load(run.path, "cpu")
    clips = prepare_request(more).clips
    scores = predictor.scores(clips)
    guess = [scores.labels.names[k] for k in scores.logits.argmax(axis=1)]
    right = {
        name: [g == c.label for g, c in zip(guess, clips, strict=True) if c.label == name] for name in TAIL
    }
    assert np.mean([right[n] for n in ("blue", "grey", "minke")]) > 0.6
    assert np.mean([right[n] for n in COMMON]) > 0.6


def test_the_gradient_never_hears_what_has_a_prototype(
    tail: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[set[str | None]] = []

    class Spy(TrainingInputs):
        def __init__(self, store: FeatureStore, clips: Sequence[Clip], *rest: Any) -> None:
            heard.append({clip.label for clip in clips})
            super().__init__(store, clips, *rest)

    monkeypatch.setattr("finback.training.classifier.TrainingInputs", Spy)
    trained(tail, tiny, tmp_path / "run", rare={"how": "prototype"})
    assert heard == [set(COMMON), set(COMMON)]  # before and after the refit


def test_an_interrupted_imprint_is_done_again(tail: IndexRequest, tiny: str, tmp_path: Path) -> None:
    rare = {"how": "prototype"}
    whole = trained(tail, tiny, tmp_path / "whole", rare=rare)

    def stop(items: Any, what: str, total: int | None = None) -> Any:
        if what == "refit: scoring":
            raise KeyboardInterrupt
        yield from items

    settings = resolve(tiny, QUICK, "dnn", rare=rare)
    job = Plan("dnn", settings, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        pipeline.train_on(job, tail, tmp_path / "cut", stop, lambda text: None)
    assert (tmp_path / "cut" / "refit" / WEIGHTS).exists()
    cut = trained(tail, tiny, tmp_path / "cut", rare=rare)
    one, other = (load_tensors(run.path / WEIGHTS)[0] for run in (whole, cut))
    assert all(np.array_equal(one[k].numpy(), other[k].numpy()) for k in one)


def test_a_head_without_rows_says_so(tail: IndexRequest, tiny: str, tmp_path: Path) -> None:
    settings = resolve(tiny, [], "mfcc-forest", rare={"how": "prototype"})
    job = Plan("mfcc-forest", settings, device="cpu")
    with pytest.raises(SettingsError, match=r"prototype.*mfcc-forest.*keep, drop or bucket"):
        pipeline.train_on(job, tail, tmp_path / "run", no_progress, lambda text: None)
    assert not (tmp_path / "run").exists()


def test_fitted_heads_hear_a_long_tail(tail: IndexRequest, tiny: str, tmp_path: Path) -> None:
    for how in ("keep", "bucket"):
        settings = resolve(tiny, ["model.trees=5"], "mfcc-forest", rare={"how": how}, split={"folds": 2})
        job = Plan("mfcc-forest", settings, device="cpu")
        run = pipeline.train_on(job, tail, tmp_path / how, no_progress, lambda text: None)
        assert evaluate_run(run.path, "cpu")["n_clips"] > 10


def test_families_are_compared_over_a_long_tail(
    tail: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "TREES", 5)
    chosen = [*QUICK, "model.mfcc-forest.trees=5", "rare.how=bucket", "rare.below=2"]
    options = StudyOptions(2, device="cpu")
    job = compare.plan(["dnn", "mfcc-forest"], tiny, chosen, random=False, options=options)
    found = compare.run(compare.prepare(job, tail, tmp_path / "run"))
    assert found["leader"] in ("dnn", "mfcc-forest")
    assert set(found["species"]) == {*COMMON, "minke", "rare species"}
    assert not any(row["error"] for row in found["families"].values())
