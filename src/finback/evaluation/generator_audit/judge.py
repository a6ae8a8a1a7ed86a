"""The judge: a classifier that has heard exactly what the generator has heard, and nothing else.

It says whether a sample is of its species, and its embedding is one of the spaces in which sets are compared.
A classifier trained in the ordinary way will not do: it has heard the clips that the generator was not shown,
and so knows them better than they deserve. So an audit trains one on the learnt clips, once, into
`RUN/judge`, for a fixed number of epochs: no run chooses anything by a clip of another tape. (How many epochs
was settled once, on Watkins: docs/generative-metrics.md.)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.split_table import read_rows
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import default_folder
from finback.generation.generator import SpectrogramGenerator
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

FAMILY, EPOCHS = "cnn2d", 40
FOLDER = "reference_classifier"
FOLDER_OF_0_1 = "judge"


def own_judge(maker: SpectrogramGenerator, device: str = "auto", progress: Progress = no_progress) -> Path:
    """The folder of a classifier trained on the generator's learnt clips, trained now if it is not there."""
    run = maker.run
    for name in (FOLDER, FOLDER_OF_0_1):
        if RunFolder(run.path / name).is_trained:
            return run.path / name
    dataset = Dataset.load(run.path)
    clips = run_subsets(run)
    side = {c.key: "train" for c in clips["train"]} | {
        c.key: "test" for name in ("validation", "test") for c in clips[name]
    }
    marked = replace(dataset, side_of=tuple(side.get(c.key, "") for c in dataset.clips))
    settings = resolve(
        family=FAMILY,
        features=maker.spec.model_dump(),
        training={"refit": False, "epochs": EPOCHS},
        rare=dataset.rare.model_dump(),
        split={"by": run.info.setting("split", "by")},
    )
    seed = run.info.seed or 0
    train(Plan(FAMILY, settings, seed, device, "finback audit"), marked, run.path / FOLDER, progress)
    return run.path / FOLDER


def load_judge(path: Path, maker: SpectrogramGenerator, device: str = "auto") -> tuple[Predictor, np.ndarray]:
    """The judge, and for each of its species (J,) the generator's class id, or -1.

    Raises `InputError` if it does not know all species of the generator.
    """
    judge = Predictor.load(path, device, default_folder())
    missing = [name for name in maker.labels.names if name not in judge.labels]
    if missing:
        raise InputError(
            f"{path}: does not know {', '.join(missing)}", "give a judge trained on the same labels, or none"
        )
    known = maker.labels.names
    return judge, np.array([known.index(n) if n in known else -1 for n in judge.labels.names])


def has_heard(path: Path, keys: set[tuple[str, int, int, int]]) -> int:
    """How many of the clips with these keys stand on the judge's training or validation side."""
    run = RunFolder.open(path)
    heard: set[tuple[str, int, int, int]] = set()
    for part in run.parts:
        rows = read_rows(part.split_table) if part.split_table.exists() else []
        heard |= {row.key for row in rows if row.subset in ("train", "validation")}
    return len(keys & heard)
