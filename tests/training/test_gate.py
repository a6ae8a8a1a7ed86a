"""A run answers "none of these" to noise, names calls as before, and can do without."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_odds, load_scores
from finback.core.types import NONE, softmax, with_none
from finback.data.dataset import Dataset
from finback.data.manifest import Manifest
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.metrics.threshold import Target
from finback.models.attach_gate import save_gate
from finback.models.predict import load
from finback.models.predictor import Predictor
from finback.models.thresholds import fit_on_validation
from finback.training.add_gate import add_gate
from finback.training.classifier import train
from finback.training.gate import fit_gate_of
from finback.training.plan import Plan
from finback.training.settings import resolve
from finback.training.stages import new_model
from finback.training.unknown_settings import UnknownSettings

TINY = str(Path(__file__).parents[1] / "tiny.toml")


@pytest.fixture(scope="module")
def run(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    chosen = ["split.fractions=[0.85,0.15,0.0]", "unknown.method=gate", "unknown.noises=30"]
    settings = resolve(TINY, chosen, "mfcc-plda")
    return train(Plan("mfcc-plda", settings), tiny_dataset, tmp_path_factory.mktemp("gate") / "run")


def test_noise_is_none_of_these_and_calls_are_not(run: RunFolder, tiny_dataset: Dataset) -> None:
    assert run.info.gate["method"] == "gate"
    assert run.info.gate["left_out"]["auroc"] > 0.6
    model = load(run.path, "cpu")
    rng = np.random.default_rng(0)
    noises = [(np.cumsum(rng.normal(0, 0.01, 16_000)).astype(np.float32) % 1 - 0.5, 8000) for _ in range(8)]
    known_noises = [model.predict(noise).known or 0.0 for noise in noises]
    known_calls = [model.predict(clip).known or 0.0 for clip in tiny_dataset.clips]
    assert np.mean(known_calls) > np.mean(known_noises) + 0.2


def test_the_species_share_what_is_known(run: RunFolder, tiny_dataset: Dataset) -> None:
    found = load(run.path, "cpu").predict(tiny_dataset.clips[0])
    assert NONE in dict(found.top(len(found.labels)))
    assert NONE not in found.species
    assert sum(found.species.values()) == pytest.approx(found.known)
    assert found.rows()[0]["known"] == pytest.approx(1 - found.window_probabilities[0, -1])


def test_an_evaluation_is_over_the_species_alone(run: RunFolder, tiny_dataset: Dataset) -> None:
    predictor = Predictor.load(run.path, "cpu")
    clips = tiny_dataset.clips[:3]
    p = predictor.scores(clips).probabilities
    assert p.shape[1] == len(predictor.labels) == len(predictor.classes) - 1
    for clip, own in zip(clips, p, strict=True):
        found = load(run.path, "cpu").predict(clip)
        np.testing.assert_allclose(found.probabilities[:-1] / found.known, own, atol=1e-5)


def test_without_a_gate_the_answers_are_those_of_the_species(
    run: RunFolder, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    before = run.weights.read_bytes()
    fingerprint = run.fingerprint()
    try:
        save_gate(run.weights, None)
        assert RunFolder.open(run.path).fingerprint() != fingerprint
        clip = tiny_dataset.clips[0]
        found = load(run.path, "cpu").predict(clip)
        assert found.known is None
        assert found.rows()[0]["known"] is None
        alone = Predictor.load(run.path, "cpu").scores([clip]).probabilities[0]
        assert np.array_equal(found.probabilities, alone)
    finally:
        run.weights.write_bytes(before)


def test_thresholds_are_fitted_to_the_scores_of_a_scan(run: RunFolder) -> None:
    """Validation clips have the log odds of a gate without their tapes, and thresholds use both."""
    clips = Manifest.load(run.manifest).clips
    scores, _ = load_scores(run.validation_scores, clips)
    odds = load_odds(run.validation_scores)
    assert odds is not None
    p = softmax(with_none(scores.logits, odds))[:, :-1]
    fitted = fit_on_validation(run, Target.parse("recall=0.9"))
    for k, (name, row) in enumerate(fitted.classes.items()):
        own = p[[clip.label == name for clip in scores.clips], k]
        if row.threshold is not None and len(own):
            assert np.isclose(own, row.threshold, atol=1e-6).any() or row.threshold <= own.min()


def test_a_run_can_be_trained_without(tiny_dataset: Dataset, tmp_path: Path) -> None:
    settings = resolve(TINY, ["unknown.method=none"], "mfcc-plda")
    plain = train(Plan("mfcc-plda", settings), tiny_dataset, tmp_path / "run")
    assert plain.info.gate == {"method": "none"}
    assert Predictor.load(plain.path, "cpu").classes.names == plain.info.labels


def test_a_gate_can_be_added_to_a_run_that_has_none(
    run: RunFolder, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    copy = RunFolder(Path(shutil.copytree(run.path, tmp_path / "run")))
    save_gate(copy.weights, None)
    clip = tiny_dataset.clips[0]
    assert load(copy.path, "cpu").predict(clip).known is None
    again = add_gate(copy.path, UnknownSettings(noises=30), "cpu")
    assert again.info.gate == run.info.gate
    assert load(copy.path, "cpu").predict(clip).known == load(run.path, "cpu").predict(clip).known
    assert again.fingerprint() == run.fingerprint()


def test_a_class_of_noise_takes_the_place_of_the_gate(tiny_dataset: Dataset) -> None:
    model = new_model("mfcc-plda", resolve(TINY, family="mfcc-plda").features, 2, {}, 0)
    clips = [replace(clip, label="background") for clip in tiny_dataset.clips[:2]] + [
        *tiny_dataset.clips[2:4]
    ]
    fitted = fit_gate_of(model, FeatureStore(Extractor.for_model(model)), clips, UnknownSettings())
    assert fitted.gate is None
    assert "class of sounds without a call" in fitted.facts["reason"]
