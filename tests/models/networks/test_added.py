"""Runs on weights that the user added: they carry the weights, and refuse others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from added_networks import tiny_beats, tiny_cnn14

from finback import models
from finback.core.errors import SettingsError, SpecMismatchError
from finback.data.dataset import Dataset
from finback.features.backbones import added
from finback.features.backbones.checkpoints import read_copy, save_copy
from finback.models.export.folder import package_run
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

PART = "encoder.layers.0.fc1.bias"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("FINBACK_BACKBONES", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_run_carries_its_weights(tiny_dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    plan = Plan("cnn14-plda", resolve(family="cnn14-plda"))
    with pytest.raises(SettingsError, match="finback backbone add cnn14"):
        train(plan, tiny_dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    added.add(added.added_class("cnn14"), tiny_cnn14(tmp_path / "a.pth"))
    run = train(plan, tiny_dataset, tmp_path / "run")
    assert str(tmp_path) not in run.run_json.read_text().split('"command"')[0]
    clips = tiny_dataset.clips[:3]
    scores = Predictor.load(run.path).scores(clips).logits
    shutil.move(folder, tmp_path / "elsewhere")
    moved = shutil.move(tmp_path / "run", tmp_path / "moved")
    assert np.array_equal(Predictor.load(moved).scores(clips).logits, scores)
    assert train(plan, tiny_dataset, moved).path == moved  # it is trained already, and needs no added copy
    packaged = package_run(moved, tmp_path / "packaged", half=False)
    assert (packaged / "backbone.safetensors").read_bytes() == (moved / "backbone.safetensors").read_bytes()
    assert "CC BY 4.0" in (packaged / "card.md").read_text()


def test_changed_weights_and_shared_folds(tiny_dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    kind = added.added_class("beats")
    added.add(kind, tiny_beats(tmp_path / "a.pt"))
    settings = resolve(family="beats")
    split = settings.split.model_copy(update={"folds": 2})
    plan = Plan("beats", settings.model_copy(update={"split": split}))
    run = train(plan, tiny_dataset, tmp_path / "run")
    assert [p.parent for p in run.path.rglob("*.safetensors") if p.name == kind.stored] == [run.path]
    tensors, size = read_copy(run.path / kind.stored)
    save_copy(run.path / kind.stored, {**tensors, PART: tensors[PART] + 1}, size)
    with pytest.raises(SpecMismatchError, match="trained on version"):
        Predictor.load(run.path)


def test_the_licence_is_said_before_use() -> None:
    assert models.licences(["perch2", "perch2-mix", "beats"]) == [
        added.added_class("perch2").licence,
        added.added_class("beats").licence,
    ]
