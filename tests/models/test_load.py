"""One function loads a trained model: run folders and bundled models, by kind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.types import NONE
from finback.models import pretrained
from finback.models.load import load_model, open_run
from finback.models.predictor import Predictor
from finback.models.species_sets import SpeciesSets


def test_a_bundled_model_is_opened_by_its_name() -> None:
    for kind in ("classifier", "generator", "vocoder"):
        assert open_run("watkins", kind).info.kind == kind
    for name in pretrained.names("classifier"):
        predictor = Predictor.load(name, "cpu")
        assert len(predictor.labels) == len(predictor.run.info.labels) == 26
        assert predictor.classes.names[-1] == NONE  # it has a gate
        assert SpeciesSets.of_run(predictor.run, 0.9).n_groups >= 9
    model = load_model("watkins", "vocoder", "cpu")
    assert not model.network.training
    assert model.run.fingerprint() == open_run("watkins", "vocoder").fingerprint()


def test_a_run_folder_is_loaded_with_its_labels_and_features(trained: Path) -> None:
    model = load_model(trained, "classifier", "cpu")
    info = RunFolder.open(trained).info
    assert model.labels.names == info.labels
    assert model.spec.model_dump(mode="json") == info.spec
    assert {parameter.device for parameter in model.network.parameters()} == {torch.device("cpu")}


def test_what_cannot_be_loaded_is_named(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a generator; give the folder of finback train calls"):
        load_model(trained, "generator")
    with pytest.raises(RunError, match=r"no such run folder; give .* watkins"):
        load_model("nowhere", "classifier")
    with pytest.raises(RunError, match="not a finback run folder"):
        load_model(tmp_path, "classifier")
    copy = RunFolder(shutil.copytree(trained, tmp_path / "copy"))
    copy.note(trained=False)
    with pytest.raises(RunError, match="training has not finished"):
        load_model(copy.path, "classifier")
    copy.note(trained=True, n_folds=2)
    with pytest.raises(RunError, match="consists of several models"):
        load_model(copy.path, "classifier")
