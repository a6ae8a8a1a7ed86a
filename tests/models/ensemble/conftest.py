"""Runs to combine: of one split and of two folds, of two families with other features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from finback.core.progress import no_progress
from finback.core.types import Clip
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.evaluation import pipeline
from finback.models.ensemble import combine
from finback.training.plan import Plan
from finback.training.settings import resolve

OTHER_FEATURES = ("features.n_mels=24", "features.n_frames=30", "features.clip_samples=6000")


@pytest.fixture(scope="session")
def clips(trained: Path) -> tuple[Clip, ...]:
    return Manifest.load(trained / "manifest.csv").clips


@pytest.fixture(scope="session")
def train(simulated: Path, tiny: str) -> Callable[..., Path]:
    """A run of a family with these settings, of one split or two folds."""

    def call(family: str, out: Path, *overrides: str, folds: int = 0) -> Path:
        settings = resolve(tiny, ["training.epochs=2", *overrides], family=family, split={"folds": folds})
        request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
        job = Plan(family, settings, device="cpu")
        return pipeline.train_on(job, request, out, no_progress, lambda text: None).path

    return call


@pytest.fixture(scope="session")
def second(train: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second run, of the same split as `trained`: another family, with other features as input."""
    return train("dnn", tmp_path_factory.mktemp("second") / "dnn", *OTHER_FEATURES)


@pytest.fixture(scope="session")
def folded(train: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of two folds each."""
    base = tmp_path_factory.mktemp("folded")
    return [train("cnn2d", base / "cnn2d", folds=2), train("dnn", base / "dnn", *OTHER_FEATURES, folds=2)]


@pytest.fixture(scope="session")
def pair(trained: Path, second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return combine([trained, second], tmp_path_factory.mktemp("pair") / "ens").path
