"""The recipes, each run for real on a few simulated clips: which weights are trained, frozen, or kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from finback import models
from finback.core.errors import LeftOut, SettingsError
from finback.core.types import Labels
from finback.data.index import IndexRequest, index
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.training.batches import TrainingInputs
from finback.training.settings import Settings, resolve
from finback.training.stages import FitContext, check_stages, run_stages
from finback.training.tasks.classifier import ClassifierTask


class Sea:
    """Simulated clips and a new model of a family, ready for training."""

    def __init__(self, simulated: Path, tiny: str, family: str, *overrides: str) -> None:
        self.settings: Settings = resolve(tiny, ["training.epochs=1", *overrides], family=family)
        clips = index(
            IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv"), lambda i, *_: i
        ).clips
        self.labels = Labels.of(clips)
        self.train, self.val = clips[::2], clips[1::4]
        torch.manual_seed(0)
        self.model = models.create(family, self.settings.features, len(self.labels), **self.settings.model)
        self.store = FeatureStore(Extractor(self.settings.features, self.model.input))

    def inputs(self) -> TrainingInputs:
        return TrainingInputs(self.store, self.train, self.settings.augment, self.settings.wave)

    def run_stages(self, folder: Path) -> dict[str, Any]:
        context = FitContext(self.settings.training, self.labels, device="cpu")
        return run_stages(self.model, self.inputs(), self.val, context, folder)


def test_supcon_contrasts_then_classifies(simulated: Path, tiny: str, tmp_path: Path) -> None:
    sea = Sea(simulated, tiny, "supcon", "training.contrast_epochs=2")
    before = {k: v.clone() for k, v in sea.model.state_dict().items()}
    end = sea.run_stages(tmp_path)
    assert end["epochs"] == 1
    contrast, kept = (
        load_file(tmp_path / "contrast/weights.safetensors"),
        load_file(tmp_path / "weights.safetensors"),
    )
    assert set(contrast) == set(kept) == set(before)  # the projection is not kept
    assert torch.equal(contrast["head.1.weight"], before["head.1.weight"])
    assert not torch.equal(contrast["encoder.stem.0.weight"], before["encoder.stem.0.weight"])
    assert not torch.equal(kept["head.1.weight"], before["head.1.weight"])
    assert '"contrast"' in (tmp_path / "contrast/metrics.jsonl").read_text()


@pytest.mark.parametrize("positives", ["species", "tapes", "clip"])
def test_a_frozen_encoder_stands_still(simulated: Path, tiny: str, tmp_path: Path, positives: str) -> None:
    sea = Sea(
        simulated, tiny, "supcon", "training.contrast_epochs=1", "training.freeze_encoder=true",
        f"training.positives={positives}",
    )  # fmt: skip
    sea.run_stages(tmp_path)
    contrast, kept = (
        load_file(tmp_path / "contrast/weights.safetensors"),
        load_file(tmp_path / "weights.safetensors"),
    )
    still = [k for k in kept if not k.startswith("head.")]
    assert all(torch.equal(contrast[k], kept[k]) for k in still)
    assert not torch.equal(contrast["head.1.weight"], kept["head.1.weight"])


@pytest.mark.parametrize("domain", ["adversarial", "group-dro"])
def test_what_fights_tapes_is_not_kept(simulated: Path, tiny: str, tmp_path: Path, domain: str) -> None:
    sea = Sea(simulated, tiny, "cnn2d", f"training.domain={domain}")
    sea.run_stages(tmp_path)
    assert set(load_file(tmp_path / "weights.safetensors")) == set(sea.model.state_dict())
    assert '"tape"' in (tmp_path / "metrics.jsonl").read_text()


@pytest.mark.parametrize("domain", ["none", "adversarial"])
def test_the_accuracy_of_training_is_that_of_the_batches(
    simulated: Path, tiny: str, tmp_path: Path, domain: str
) -> None:
    sea = Sea(simulated, tiny, "cnn2d", f"training.domain={domain}", "training.mixup=0")
    task = ClassifierTask(sea.model, sea.inputs(), sea.labels, sea.settings.training)
    x, y, group = task.batch(np.random.default_rng(0))
    task.model.eval()  # no dropout, and no statistics of the batch
    task.losses(task.model, (x, y, group))
    found = sea.model(x).argmax(dim=1)
    assert task.of_batch() == {"accuracy": pytest.approx(float((found == y.argmax(dim=1)).float().mean()))}
    sea.run_stages(tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert all(0 <= json.loads(line)["accuracy"] <= 1 for line in lines)


def test_interrupted_between_stages_ends_the_same(simulated: Path, tiny: str, tmp_path: Path) -> None:
    Sea(simulated, tiny, "supcon", "training.contrast_epochs=1").run_stages(tmp_path / "one")
    Sea(simulated, tiny, "supcon", "training.contrast_epochs=1").run_stages(tmp_path / "two")
    (tmp_path / "two/checkpoint.safetensors").unlink()  # as if killed after the first stage
    again = Sea(simulated, tiny, "supcon", "training.contrast_epochs=1")
    again.run_stages(tmp_path / "two")
    for name in ("weights.safetensors", "contrast/weights.safetensors"):
        one, two = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
        assert all(torch.equal(one[k], two[k]) for k in one)


def test_a_fitted_head_takes_one_pass(simulated: Path, tiny: str, tmp_path: Path) -> None:
    sea = Sea(simulated, tiny, "mfcc-plda")
    end = sea.run_stages(tmp_path)
    assert end["epochs"] == 0
    assert end["best"] > 0.4  # chance is a quarter


@pytest.mark.parametrize("family", ["mfcc-plda", "cnn2d"])
def test_only_what_was_trained_before_is_frozen(simulated: Path, tiny: str, family: str) -> None:
    sea = Sea(simulated, tiny, family, "training.freeze_encoder=true")
    with pytest.raises(SettingsError, match="not pre-trained"):
        check_stages(sea.model, sea.settings.training)


WAVE = ["wave.noise=1", "wave.background=1", "wave.band_pass=1"]


@pytest.mark.parametrize("family", ["cnn2d", "cnn1d"])
def test_waves_are_augmented_by_the_generator_alone(simulated: Path, tiny: str, family: str) -> None:
    sea = Sea(simulated, tiny, family, *WAVE)
    drawn = np.arange(6)
    one = sea.inputs()(np.random.default_rng(3), drawn)
    two = sea.inputs()(np.random.default_rng(3), drawn)
    other = sea.inputs()(np.random.default_rng(4), drawn)
    plain = Sea(simulated, tiny, family).inputs()(np.random.default_rng(3), drawn)
    assert torch.equal(one, two)
    assert one.shape == plain.shape
    assert not torch.equal(one, other)
    assert not torch.allclose(one, plain)


def test_a_background_is_of_another_species(simulated: Path, tiny: str) -> None:
    inputs = Sea(simulated, tiny, "cnn2d", "wave.background=1").inputs()
    drawn = np.arange(len(inputs.clips))
    others = inputs._others(np.random.default_rng(0), drawn)
    assert (inputs.species[others] != inputs.species[drawn]).mean() > 0.99


def test_real_noise_needs_files(simulated: Path, tiny: str) -> None:
    with pytest.raises(SettingsError, match="noise_files"):
        Sea(simulated, tiny, "cnn2d", "wave.real_noise=0.5").inputs()
    sea = Sea(simulated, tiny, "cnn2d", "wave.real_noise=1", f"wave.noise_files={simulated / 'audio'}")
    assert torch.isfinite(sea.inputs()(np.random.default_rng(0), np.arange(4))).all()


def test_waves_before_a_frozen_front_end_are_refused(simulated: Path, tiny: str) -> None:
    with pytest.raises(SettingsError, match="before mfcc"):
        Sea(simulated, tiny, "mfcc-plda", *WAVE).inputs()


def test_a_removed_background_and_a_foreign_one_do_not_go_together(simulated: Path, tiny: str) -> None:
    with pytest.raises(SettingsError, match="median"):
        Sea(simulated, tiny, "cnn2d", *WAVE, "features.background=median").inputs()


def test_clips_of_the_class_of_noise_are_added(simulated: Path, tiny: str) -> None:
    chosen = ("augment.overlay=1.0", "augment.overlay_label=Killer whale")
    plain = Sea(simulated, tiny, "cnn2d", "augment.overlay=0.0").inputs()
    inputs = Sea(simulated, tiny, "cnn2d", *chosen).inputs()
    assert {inputs.clips[i].label for i in inputs.added} == {"Killer whale"}
    drawn = np.arange(6)
    batches = [made(np.random.default_rng(0), drawn) for made in (inputs, inputs, plain)]
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])
    with pytest.warns(LeftOut, match=r"no training clip is labelled 'noise'.*augment\.overlay_label"):
        without = Sea(simulated, tiny, "cnn2d", "augment.overlay=1.0").inputs()
    assert torch.equal(without(np.random.default_rng(0), drawn), batches[2])
