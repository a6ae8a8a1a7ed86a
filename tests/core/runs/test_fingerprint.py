"""The fingerprint of a model: the same for the same answers, another after any change of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from finback.core.errors import RunError
from finback.core.runs import folder as runs
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.storage.files import write_atomic

INFO = RunInfo(
    kind="classifier",
    family="cnn2d",
    labels=("fin", "sei"),
    spec={"hop": 128},
    settings={"model": {"width": 4}, "training": {"epochs": 3}},
    temperature=1.25,
)
WEIGHTS = {"a": np.arange(6, dtype=np.float32), "b": np.ones((2, 2), dtype=np.float32)}


def save_file(tensors: dict[str, np.ndarray], path: Path, notes: dict[str, str] | None = None) -> None:
    write_atomic(path, save(tensors, notes))  # as finback writes them: the file is replaced


def model(folder: Path, info: RunInfo = INFO) -> RunFolder:
    run = RunFolder.begin(folder, info)
    save_file(WEIGHTS, run.weights)
    return run


def test_it_is_the_same_wherever_the_folder_lies_and_whatever_was_noted(tmp_path: Path) -> None:
    run = model(tmp_path / "a")
    copy = RunFolder(shutil.copytree(run.path, tmp_path / "b"))
    copy.note(command="finback train", seed=3, training_s=1.0)
    save_file(WEIGHTS, copy.weights, {"step": "40"})  # notes in the header are no part of the model
    assert copy.fingerprint() == run.fingerprint()
    assert len(run.fingerprint()) == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.note(temperature=1.5),
        lambda run: run.note(labels=("sei", "fin")),
        lambda run: run.note(spec={"hop": 64}),
        lambda run: run.note(settings={"model": {"width": 8}}),
        lambda run: save_file(WEIGHTS | {"a": WEIGHTS["a"] + 1}, run.weights),
        lambda run: save_file({"c": WEIGHTS["a"], "b": WEIGHTS["b"]}, run.weights),
        lambda run: save_file(WEIGHTS | {"b": np.ones(4, dtype=np.float32)}, run.weights),
    ],
    ids=["temperature", "order of labels", "features", "model", "values", "names", "shapes"],
)
def test_every_part_of_the_model_counts(tmp_path: Path, change: Callable[[RunFolder], None]) -> None:
    run = model(tmp_path)
    before = run.fingerprint()
    change(run)
    assert run.fingerprint() != before
    assert RunFolder(tmp_path).fingerprint() == run.fingerprint()


def test_folds_and_members_count(tmp_path: Path) -> None:
    whole = RunFolder.begin(tmp_path, INFO.updated(n_folds=2))
    for fold in whole.folds:
        model(fold.path)
    before = whole.fingerprint()
    whole.fold(1).note(temperature=2.0)
    assert whole.fingerprint() != before
    both = RunFolder.begin(tmp_path / "both", RunInfo(kind="ensemble", members=({"family": "cnn2d"},) * 2))
    for i in range(2):
        model(both.member(i).path)
    before = both.fingerprint()
    both.member(0).note(temperature=2.0)
    assert both.fingerprint() != before
    middle = both.fingerprint()
    both.note(combination={"how": "mean", "weights": [0.5, 0.5], "bias": []})
    assert both.fingerprint() != middle


def test_weights_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, hashed = model(tmp_path), []
    true_digest = runs.tensors_digest
    monkeypatch.setattr(runs, "tensors_digest", lambda path: hashed.append(path) or true_digest(path))
    assert run.fingerprint() == run.fingerprint()
    assert hashed == [run.weights]


def test_missing_and_damaged_weights_are_named(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO)
    with pytest.raises(RunError, match=r"weights.safetensors: no such file"):
        run.fingerprint()
    run.weights.write_bytes(b"no tensors in here")
    with pytest.raises(RunError, match=r"weights.safetensors: damaged .* restore the file from a copy"):
        run.fingerprint()
