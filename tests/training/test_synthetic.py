"""Generated log-mels among real clips: used unchanged, never searched on disk, training is not longer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import open_recording, write
from finback.core.errors import LeakError, SpecMismatchError
from finback.core.types import Clip, Labels, Split
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.training.batches import TrainingInputs
from finback.training.loop_settings import TrainingSettings
from finback.training.synthetic import SyntheticStore, synthetic_clips
from finback.training.tasks.classifier import ClassifierTask

SPEC = FeatureSpec(
    sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60, f_max=4000
)


@pytest.fixture
def real(tmp_path: Path) -> list[Clip]:
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 8000))
    for i, x in enumerate(noise):
        write(tmp_path / f"{i}.wav", x.astype(np.float32), 8000)
    found = [open_recording(tmp_path / f"{i}.wav") for i in range(3)]
    return [Clip(r, 0, r.n_samples, label="ab"[i % 2]) for i, r in enumerate(found)]


@pytest.fixture
def logmels() -> np.ndarray:
    return np.random.default_rng(1).normal(-40, 5, (5, SPEC.n_mels, SPEC.n_frames)).astype(np.float32)


def test_made_ones_come_by_heart_and_real_ones_from_disk(
    real: list[Clip], logmels: np.ndarray, tmp_path: Path
) -> None:
    made = synthetic_clips("aabbb", SPEC, "synthetic:test")
    inner = FeatureStore(Extractor(SPEC, "logmel"), tmp_path / "cache")
    store = SyntheticStore(inner, made, logmels)
    assert store.missing([*real, *made]) == real
    inputs = TrainingInputs(store, [*real, *made])
    inputs.prepare()
    assert store.missing(real) == []
    x = inputs(np.random.default_rng(0), np.array([0, 3, 7]))
    assert any(np.array_equal(x[0, 0].numpy(), window) for window in inner(real[0]))
    assert np.array_equal(x[1:, 0].numpy(), logmels[[0, 4]])


def test_they_do_not_make_training_longer(real: list[Clip], logmels: np.ndarray) -> None:
    made = synthetic_clips("aabbb", SPEC, "synthetic:test")
    store = SyntheticStore(FeatureStore(Extractor(SPEC, "logmel")), made, logmels)
    from finback import models

    settings = TrainingSettings(batch_size=2)
    both = [
        ClassifierTask(
            models.create("dnn", SPEC, 2), TrainingInputs(store, clips), Labels(("a", "b")), settings
        )
        for clips in (real, [*real, *made])
    ]
    assert [task.steps_per_epoch for task in both] == [2, 2]
    alone = ClassifierTask(
        models.create("dnn", SPEC, 2), TrainingInputs(store, made), Labels(("a", "b")), settings
    )  # nothing real at all: an epoch is as long as they are many
    assert alone.steps_per_epoch == 3


def test_they_stay_on_the_training_side() -> None:
    made = synthetic_clips(["a"], SPEC, "synthetic:test")
    assert Split(made).train == made
    for side in ("val", "test"):
        with pytest.raises(LeakError, match=side):
            Split((), **{side: made})


def test_another_shape_or_front_end_is_refused(logmels: np.ndarray) -> None:
    made = synthetic_clips("aabbb", SPEC, "synthetic:test")
    with pytest.raises(SpecMismatchError, match="cnn2d"):
        SyntheticStore(FeatureStore(Extractor(SPEC, "logmel")), made, logmels[:, :, 1:])
    with pytest.raises(SpecMismatchError, match="wave"):
        SyntheticStore(FeatureStore(Extractor(SPEC, "wave")), made, logmels)
