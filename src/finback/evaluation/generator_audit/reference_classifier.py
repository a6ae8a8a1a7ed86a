"""The reference classifier: trained on the training clips of the generator and on nothing else.

It predicts the species of samples, and its embedding is one of the two spaces in which sets are compared. A
classifier from an ordinary training was also trained on the clips that were held out from the generator, so
it would favour these clips. Therefore an audit trains a classifier once, into `RUN/reference_classifier`, for
a fixed number of epochs, which no clip of another recording group influences. (The number was chosen once,
on Watkins: docs/generative-metrics.md.)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.storage.keeping import writable_folder
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import default_folder
from finback.generation.generator import SpectrogramGenerator
from finback.models.predictor import Predictor
from finback.models.pretrained import open_run
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

FAMILY, EPOCHS = "cnn2d", 40
FOLDER = "reference_classifier"
FOLDER_OF_0_1 = "judge"


def train_reference_classifier(
    generator: SpectrogramGenerator, device: str = "auto", progress: Progress = no_progress
) -> Path:
    """The folder of a classifier trained on the generator's training clips; trains it if needed."""
    run = generator.run
    for name in (FOLDER, FOLDER_OF_0_1):
        if RunFolder(run.path / name).is_trained:
            return run.path / name
    dataset = Dataset.load(run.path)
    clips = run_subsets(run)
    subset = {c.key: "train" for c in clips["train"]} | {
        c.key: "test" for name in ("validation", "test") for c in clips[name]
    }
    marked = replace(dataset, subset_of=tuple(subset.get(c.key, "") for c in dataset.clips))
    settings = resolve(
        family=FAMILY,
        features=generator.spec.model_dump(),
        training={"refit": False, "epochs": EPOCHS},
        rare=dataset.rare.model_dump(),
        split={"by": run.info.setting("split", "by")},
    )
    plan = Plan(FAMILY, settings, run.info.seed or 0, device, "finback audit")
    folder = writable_folder(run.path) / FOLDER
    train(plan, marked, folder, progress)
    return folder


def load_reference_classifier(
    path: Path, generator: SpectrogramGenerator, device: str = "auto"
) -> tuple[Predictor, NDArray[np.int64]]:
    """The classifier, and for each of its species (J,) the generator's class id, or -1.

    Raises `InputError` if the classifier does not know all species of the generator.
    """
    classifier = Predictor.load(path, device, default_folder())
    own = classifier.labels.own_names(generator.labels.names)
    missing = [name for name in generator.labels.names if name not in own]
    if missing:
        raise InputError(
            f"{path}: the classifier does not know {'; '.join(missing)}",
            "give a classifier that was trained on the same labels, or leave out --classifier",
        )
    ids = {there: generator.labels.index(name) for name, there in own.items()}
    return classifier, np.array([ids.get(name, -1) for name in classifier.labels.names])


def seen_in_training(path: Path, keys: set[tuple[str, int, int, int]]) -> int:
    """How many of the clips with these keys are in the classifier's training or validation set."""
    rows = open_run(path, "classifier").training_rows(include_validation=True)
    return len(keys & {row.key for row in rows})
