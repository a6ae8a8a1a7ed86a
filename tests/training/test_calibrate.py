"""The temperature of a fitted head comes from tapes that were left out, and holds on new tapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from finback import models
from finback.core.types import Labels, softmax
from finback.data.dataset import Dataset
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.metrics.calibration import cannot_fit, ece, fit_temperature
from finback.models.networks.kernel import KernelDensity
from finback.training import calibrate
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

TINY = str(Path(__file__).parents[1] / "tiny.toml")
K, D = 4, 30


def tapes(seed: int, n_tapes: int, species: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of clips of `n_tapes` new tapes of each species: species + tape + clip."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(K * n_tapes), rng.integers(2, 12, K * n_tapes))
    y = groups % K
    tape = rng.normal(0, 1.2, (K * n_tapes, D))[groups]
    return (species[y] + tape + rng.normal(0, 0.3, tape.shape)).astype(np.float32), y, groups


def test_probabilities_of_new_tapes_are_calibrated() -> None:
    species = np.random.default_rng(0).normal(0, 0.7, (K, D))
    x, y, groups = tapes(1, 12, species)
    head = KernelDensity(K)
    head.fit(x, y, np.ones(len(y)), groups)
    known = head(torch.from_numpy(x)).numpy()
    assert cannot_fit(known, y)  # no clip of a known tape is wrong: they say nothing of new tapes
    left_out = head.left_out(x, y, np.ones(len(y)), groups)
    temperature = fit_temperature(left_out, y, [str(g) for g in groups])
    new, truth, _ = tapes(2, 60, species)
    logits = head(torch.from_numpy(new)).numpy()
    assert ece(softmax(logits / temperature), truth) < 0.08
    assert ece(softmax(logits), truth) > 0.15


def test_a_run_is_calibrated_on_all_its_tapes(tiny_dataset: Dataset, tmp_path: Path) -> None:
    settings = resolve(TINY, family="mfcc-plda", overrides=["split.fractions=[0.85,0.15,0.0]"])
    run = train(Plan("mfcc-plda", settings, seed=1), tiny_dataset, tmp_path / "run")
    assert run.info.temperature != 1.0 or run.info.not_calibrated
    assert "validation" not in run.info.not_calibrated


def test_without_a_second_tape_the_reason_is_named() -> None:
    nothing = calibrate.LeftOut("cross-fitted", (), np.zeros((0, 2), np.float32))
    fitted = calibrate.temperature_of(nothing, Labels(("a", "b")))
    assert fitted == {"temperature": 1.0, "not_calibrated": "no species has two recording groups"}


def test_synthetic_clips_and_rare_species_are_in_no_fit(tiny_dataset: Dataset, tmp_path: Path) -> None:
    clips = tiny_dataset.clips
    settings = resolve(TINY, family="mfcc-plda")
    model = models.create("mfcc-plda", settings.features, len(tiny_dataset.labels), **settings.model)
    store = FeatureStore(Extractor.for_model(model))
    rare = clips[0].label or ""
    mixed = [replace(c, synthetic=c.label == clips[-1].label) for c in clips]
    found = calibrate.cross_fitted(model, store, tiny_dataset.labels, mixed, (rare,))
    assert {c.label for c in found.clips} == set(tiny_dataset.labels.names) - {rare, clips[-1].label}
    absent = [tiny_dataset.labels.names.index(str(name)) for name in (rare, clips[-1].label)]
    assert (found.logits[:, absent] < -20).all()
