"""Evaluation: the test set once, other recordings any time, and the errors when neither is possible."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finback.cli.evaluate import _show_metrics
from finback.core.errors import RunError
from finback.core.progress import no_progress
from finback.core.storage.files import read_json
from finback.core.types import Labels
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.evaluation import pipeline
from finback.evaluation.evaluate import evaluate_on, evaluate_run
from finback.training.plan import Plan
from finback.training.settings import resolve

PROMISED = [
    *("accuracy", "balanced_accuracy", "macro_f1", "macro_f1_multi_group"),
    *("macro_auc", "ece", "top3_accuracy"),
]


def request(simulated: Path, labels: str = "labels.csv") -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / labels)


def test_the_promised_keys(trained: Path) -> None:
    result = evaluate_run(trained)
    for key in PROMISED:
        assert 0 <= result[key] <= 1
        low, high = result[f"{key}_ci"]
        assert low <= high
    assert {"n_clips", "n_groups", "per_species"} <= result.keys()
    for figures in result["per_species"].values():
        assert {"precision", "recall", "f1", "auc", "n_clips", "n_groups"} <= figures.keys()


def test_scores_are_kept_for_every_test_clip(trained: Path) -> None:
    table = pq.read_table(trained / "scores.parquet").to_pydict()
    info = read_json(trained / "run.json")
    assert len(table["file"]) == info["split"]["clips"]["test"]
    assert all(len(row) == len(info["labels"]) for row in table["logits"])


def test_the_test_side_is_scored_once(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    first = evaluate_run(copy)
    (copy / "weights.safetensors").unlink()  # it is not needed again
    assert evaluate_run(copy) == first


def test_on_the_same_folder_it_says_what_was_heard_before(trained: Path, simulated: Path) -> None:
    result = evaluate_on(trained, prepare_request(request(simulated)), "cpu")
    split = read_json(trained / "run.json")["split"]["clips"]
    assert result["seen_in_training"] == split["train"] + split["val"]
    assert result["n_clips"] == 32
    assert result["unknown_species"] == {}


def test_species_it_does_not_know_are_listed_and_left_out(
    trained: Path, simulated: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    rows = (simulated / "labels.csv").read_text().replace("Sperm whale", "Cuvier's beaked whale")
    other.write_text(rows)
    result = evaluate_on(trained, prepare_request(request(simulated, str(other))), "cpu")
    assert result["unknown_species"] == {"Cuvier's beaked whale": 8}
    assert result["n_clips"] == 24
    strangers = rows.replace("Bearded seal", "A").replace("Humpback whale", "B").replace("Killer whale", "C")
    other.write_text(strangers)
    with pytest.raises(RunError, match="the model has none of these species"):
        evaluate_on(trained, prepare_request(request(simulated, str(other))), "cpu")


def test_folds_pool_every_testable_clip_once(simulated: Path, tiny: str, tmp_path: Path) -> None:
    settings = resolve(tiny, ["training.epochs=1"], split={"folds": 3})
    job = Plan("cnn2d", settings, device="cpu")
    run = pipeline.train_on(job, request(simulated), tmp_path / "run", no_progress, lambda text: None)
    assert len(run.folds) == 3
    result = evaluate_run(run.path, "cpu")
    assert result["n_clips"] == 32
    table = pq.read_table(run.path / "scores.parquet").to_pydict()
    assert len(set(table["recording_id"])) == 32
    assert set(table["fold"]) == {0, 1, 2}


def test_without_a_test_set_the_error_names_the_way_to_evaluate(
    simulated: Path, tiny: str, tmp_path: Path
) -> None:
    settings = resolve(tiny, ["training.epochs=1"], split={"fractions": (0.75, 0.25, 0)})
    job = Plan("dnn", settings.model_copy(update={"model": {}}), device="cpu")
    run = pipeline.train_on(job, request(simulated), tmp_path / "run", no_progress, lambda text: None)
    with pytest.raises(RunError, match=r"no test set.*--audio"):
        evaluate_run(run.path, "cpu")


def test_species_match_in_any_spelling_and_it_is_said(trained: Path, simulated: Path, tmp_path: Path) -> None:
    rows = (simulated / "labels.csv").read_text(encoding="utf-8")
    other = tmp_path / "other.csv"
    for old, new in (("Sperm whale", "SPERM-WHALE"), ("Killer whale", "killer_whale")):
        rows = rows.replace(old, new)
    other.write_text(rows, encoding="utf-8")
    result = evaluate_on(trained, prepare_request(request(simulated, str(other))), "cpu")
    same = evaluate_on(trained, prepare_request(request(simulated)), "cpu")
    assert result["matched_names"] == {"SPERM-WHALE": "Sperm whale", "killer_whale": "Killer whale"}
    assert same["matched_names"] == {}
    assert {**result, "matched_names": {}} == same


def test_names_that_could_be_two_species_are_left_out() -> None:
    labels = Labels(("Fin whale", "Fin-Whale", "Sei whale"))
    found = labels.own_names(["fin whale", "Fin-Whale", "SEI  WHALE", "Orca"])
    assert found == {"Fin-Whale": "Fin-Whale", "SEI  WHALE": "Sei whale"}


def test_names_that_differ_in_case_only_are_counted_and_others_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("finback.evaluation.pipeline.headline", lambda result: [])
    matched = {"WALRUS": "Walrus", "grampus, risso's": "Grampus, Risso's", "killer_whale": "Killer Whale"}
    unknown = {"Fin, Finback Whale": 2, "Narwhal": 1}
    _show_metrics({"per_species": {}, "matched_names": matched, "unknown_species": unknown})
    shown = capsys.readouterr().out.splitlines()
    assert shown[-3:] == [
        "matched, whatever upper and lower case: 2 names",
        "matched: killer_whale as Killer Whale",
        "left out, because the model has no such species: Fin, Finback Whale (2); Narwhal (1)",
    ]
