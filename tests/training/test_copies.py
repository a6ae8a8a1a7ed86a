"""Augmented copies of training clips: the same for the same clip, and without a part in calibration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback import models
from finback.audio import io
from finback.core.errors import RunError, SettingsError
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.models.networks.cross_fit import left_out_logits
from finback.models.networks.heads import Logistic
from finback.models.networks.mix import Mix
from finback.training import copies
from finback.training.classifier import train
from finback.training.fitted_heads import Windows
from finback.training.fitted_heads import left_out_logits as logits_of_clips
from finback.training.plan import Plan
from finback.training.settings import resolve

RATE = 8000


def clip_of(folder: Path, x: np.ndarray, rate: int = RATE) -> Clip:
    path = folder / f"{len(x)}-{rate}.wav"
    io.write(path, x.astype(np.float32), rate)
    return Clip(io.open_recording(path), 0, len(x), "a")


def test_a_copy_is_of_the_loudest_window(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 1e-3, 60 * RATE)
    t = np.arange(RATE) / RATE
    x[47 * RATE : 48 * RATE] += 0.5 * np.sin(2 * np.pi * 1000 * t)
    clip = clip_of(tmp_path, x)
    assert copies._loudest(clip, 2 * RATE)[0] in range(46 * RATE, 47 * RATE + 1)
    copy = copies.augmented_copy(clip, 2 * RATE, 0)
    assert copy.shape == (2 * RATE,)
    assert copy.dtype == np.float32
    loudest_hz = np.abs(np.fft.rfft(copy)).argmax() / 2
    assert 940 < loudest_hz < 1063  # up to a semitone away
    assert np.array_equal(copy, copies.augmented_copy(clip, 2 * RATE, 0))
    assert not np.allclose(copy, copies.augmented_copy(clip, 2 * RATE, 1))


@pytest.mark.parametrize(("n", "rate"), [(1, 8000), (20, 100), (700, 1_000_000), (500, 8000)])
def test_copies_of_short_and_silent_clips_are_finite(tmp_path: Path, n: int, rate: int) -> None:
    x = np.zeros(n) if n == 500 else np.random.default_rng(1).normal(0, 0.1, n)
    copy = copies.augmented_copy(clip_of(tmp_path, x, rate), 3 * rate, 2)
    assert copy.shape == (n,)
    assert np.isfinite(copy).all()
    assert copy.any() == (n not in (1, 500))  # one sample is an offset, which is removed


def test_copies_are_computed_once(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    spec = resolve(tiny, family="mfcc-plda").features
    store = FeatureStore(Extractor(spec, "mfcc"), tmp_path)
    own = tiny_dataset.clips[:2]
    shown: list[tuple[str, int | None]] = []

    def progress(items, what, total=None):  # type: ignore[no-untyped-def]
        shown.append((what, total))
        return items

    copies.prepare_copies(store, own, 2, progress)
    copies.prepare_copies(store, own, 2, progress)
    assert shown == [("computing augmented copies", 4)]
    found = copies.copies_of(store, own[0], 2)
    kept_nowhere = FeatureStore(Extractor(spec, "mfcc"))
    assert np.array_equal(found, copies.copies_of(kept_nowhere, own[0], 2))
    assert not np.allclose(found[0], found[1])


def test_a_clip_keeps_its_weight_and_its_group(tiny_dataset: Dataset, tiny: str) -> None:
    settings = resolve(tiny, family="mfcc-plda")
    model = models.create("mfcc-plda", settings.features, len(tiny_dataset.labels), **settings.model)
    store = FeatureStore(Extractor.for_model(model))
    plain = Windows.of(tiny_dataset.clips, store, tiny_dataset.labels)
    more = Windows.of(tiny_dataset.clips, store, tiny_dataset.labels, copies=2)
    assert plain.real.all()
    assert np.array_equal(more.x[more.real], plain.x)
    assert np.allclose(np.bincount(more.clip, more.weights), 1.0)
    assert np.allclose(np.bincount(more.clip, more.weights * more.real), 1 / 3)
    for clip in range(3):
        assert len({*more.groups[more.clip == clip].tolist()}) == 1
    logits = logits_of_clips(model, more)
    assert logits.shape == (len(tiny_dataset.clips), len(tiny_dataset.labels))
    assert np.isfinite(logits).any()


def test_copies_change_no_fold_and_no_temperature() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(9), 4)
    y = groups % 3
    x = rng.normal(y[:, None], 1, (36, 5)).astype(np.float32)
    many = np.repeat(np.arange(36), 3)
    real = np.arange(108) % 3 == 0
    weights = np.full(108, 1 / 3)
    plain = left_out_logits(lambda: Logistic(3), x, y, np.ones(36), groups, np.ones(36, bool))
    doubled = left_out_logits(lambda: Logistic(3), x[many], y[many], weights, groups[many], real)
    assert np.allclose(doubled[real], plain, atol=2e-2)  # equal copies change nothing
    assert np.isnan(doubled[~real]).all()
    one, two = Mix(3, size=3), Mix(3, size=3)
    far = np.where(real[:, None], x[many], x[many][::-1])
    one.fit_with_copies(far, y[many], weights, groups[many], real)
    two.fit(far, y[many], weights, groups[many])
    assert not np.allclose(one.temperature, two.temperature)


def test_a_training_begun_without_copies_ends_without_them(
    tiny_dataset: Dataset, tiny: str, tmp_path: Path
) -> None:
    without = Plan("mfcc-plda", resolve(tiny, family="mfcc-plda", overrides=["unknown.method=none"]))
    run = train(without, tiny_dataset, tmp_path)
    training = without.settings.training.model_copy(update={"copies": 1})
    with_copies = replace(without, settings=without.settings.model_copy(update={"training": training}))
    with pytest.raises(RunError, match=r"training.copies 0 -> 1"):
        train(with_copies, tiny_dataset, tmp_path)
    info = json.loads(run.run_json.read_text())
    del info["settings"]["training"]["copies"]  # as a version without copies wrote it
    run.run_json.write_text(json.dumps(info))
    assert train(with_copies, tiny_dataset, tmp_path).info.setting("training", "copies") is None


def test_networks_trained_by_gradient_refuse_copies(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    settings = resolve(tiny, family="cnn2d", overrides=["training.copies=1"])
    with pytest.raises(SettingsError, match="trained by gradient descent"):
        train(Plan("cnn2d", settings), tiny_dataset, tmp_path)
