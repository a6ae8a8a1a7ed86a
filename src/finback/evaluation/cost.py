"""How long a study will take: a few real training steps of each model, times the number of steps.

    cost = measure(plan, dataset)
    cost.fold_s(plan.settings.training, split)  # seconds

The run's own code is timed on clips of the run: features of clips that are not in the cache yet, optimiser
steps with the real batch size and augmentation, scoring. A head that is fitted in closed form is fitted once
on `FITTED` clips, and its time is assumed to grow in proportion. The result is an upper limit: training that
validation stops early, and a refit of fewer epochs, end sooner.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import no_progress
from finback.core.types import Clip, Labels, Split
from finback.data.dataset import Dataset
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.models.scoring import BATCH, clip_logits
from finback.training.batches import TrainingInputs
from finback.training.generator import train_generator
from finback.training.loop_settings import TrainingSettings
from finback.training.plan import Plan
from finback.training.stages import FitContext, new_model, run_stages

STEPS = 5  # that are timed, after a first one that is not
LIMIT_S = 3.0  # for measuring one stage
SAMPLE = 8  # clips
FITTED = 200  # clips
SAMPLES = 4  # of a generator
MARGIN = 1.1  # checkpoints, logs, figures


@dataclass(frozen=True)
class Cost:
    """How long each part of the work takes for one family, in seconds."""

    n_parameters: int
    features_s: float  # of all clips that are not in the cache, once
    steps_s: tuple[float, ...]  # per optimiser step, of each stage that is trained by gradients
    contrast: bool  # whether the first stage is contrastive
    fit_s: float  # of a head fitted in closed form, per training clip
    score_s: float  # per clip

    def fold_s(self, settings: TrainingSettings, split: Split) -> float:
        """Seconds to train, calibrate, refit and evaluate one fold, at most."""
        n_train, n_val = len(split.train), len(split.val)
        epochs = [settings.epochs] * len(self.steps_s)
        if self.contrast:
            epochs[0] = settings.contrast_epochs
        again = settings.refit and n_val > 0
        seconds = self.score_s * (n_val * (settings.epochs if self.steps_s else 1) + len(split.test))
        for n in (n_train, n_train + n_val) if again else (n_train,):
            steps = max(1, -(-n // settings.batch_size))
            seconds += self.fit_s * n
            seconds += sum(e * steps * s for e, s in zip(epochs, self.steps_s, strict=True))
        return MARGIN * seconds

    def plain_s(self, settings: TrainingSettings, n_train: int, n_test: int) -> float:
        """Seconds of one training to its last step, without validation, and of scoring the test set."""
        steps = max(1, -(-n_train // settings.batch_size)) * settings.epochs
        return MARGIN * (steps * sum(self.steps_s) + self.score_s * n_test)


@dataclass(frozen=True)
class GeneratorCost:
    """How long each part of the work takes for a generator, in seconds."""

    step_s: float  # per optimiser step; 0 in closed form
    fit_s: float  # in closed form, per training clip
    sample_s: float  # per sample

    def train_s(self, settings: TrainingSettings, n_train: int) -> float:
        """Seconds of training on `n_train` clips."""
        steps = max(1, -(-n_train // settings.batch_size)) * settings.epochs
        return MARGIN * (steps * self.step_s + n_train * self.fit_s)


def measure_generator(plan: Plan, dataset: Dataset, sampling: Sampling) -> GeneratorCost:
    """Measure one generator: train it for a few steps, and generate a few samples."""
    settings = plan.settings
    store = FeatureStore(Extractor(settings.features, "logmel"), default_folder())
    sample = _sample(dataset.clips)
    store.prepare(sample)
    labels, batch = dataset.labels, settings.training.batch_size
    clips = _repeated(sample, (STEPS + 2) * batch, labels)
    short = settings.model_copy(update={"training": settings.training.model_copy(update=SHORT)})
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        train_generator(
            replace(plan, settings=short), dataset, Path(folder), stopwatch, Split(tuple(clips), by="clip")
        )
        fit_s = 0.0 if stopwatch.loops else (time.perf_counter() - started) / len(clips)
        generator = SpectrogramGenerator.load(Path(folder), plan.device)
        started = time.perf_counter()
        generator.sample(np.arange(SAMPLES) % len(labels), np.arange(SAMPLES), sampling)
        sample_s = (time.perf_counter() - started) / SAMPLES
    return GeneratorCost(stopwatch.loops[-1] if stopwatch.loops else 0.0, fit_s, sample_s)


def measure(plan: Plan, dataset: Dataset) -> Cost:
    """Measure one family. Raises the errors that training would raise."""
    labels, settings = dataset.labels, plan.settings
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    store = FeatureStore(Extractor.for_model(model), default_folder())
    sample = _sample(dataset.clips)
    clips = _repeated(sample, (STEPS + 2) * settings.training.batch_size, labels)
    inputs = TrainingInputs(store, clips, settings.augment, settings.wave)
    stores = [store] if inputs.source is store else [store, inputs.source]
    features_s = sum(_features_s(one, sample, dataset.clips) for one in stores)
    for one in stores:
        one.prepare(sample)
    stopwatch = Stopwatch()
    context = FitContext(
        settings.training.model_copy(update=SHORT), labels, plan.seed, plan.device, stopwatch
    )
    fit_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        if model.stages == ("fit",):
            noisy = NoisyStore(store.extractor, default_folder())
            many = TrainingInputs(noisy, _repeated(sample, FITTED, labels), settings.augment, settings.wave)
            started = time.perf_counter()
            run_stages(model, many, (), replace(context, progress=no_progress), Path(folder))
            fit_s = (time.perf_counter() - started) / FITTED
        else:
            run_stages(model, inputs, (), context, Path(folder))
    started = time.perf_counter()
    scored = _repeated(sample, BATCH, labels)
    clip_logits([model], store, scored)
    score_s = (time.perf_counter() - started) / len(scored)
    contrast = "contrast" in model.stages
    return Cost(model.n_parameters, features_s, tuple(stopwatch.loops), contrast, fit_s, score_s)


SHORT = {"epochs": 1, "contrast_epochs": 1, "tensorboard": False}


class Stopwatch:
    """A `Progress` that times the turns of a loop, without the first, and ends it after enough turns."""

    def __init__(self) -> None:
        self.loops: list[float] = []  # of each loop: the median seconds of a turn

    def __call__(self, items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        began = time.perf_counter()
        turns: list[float] = []
        for item in items:
            started = time.perf_counter()
            yield item
            now = time.perf_counter()
            turns.append(now - started)
            if len(turns) > STEPS or now - began > LIMIT_S:
                break
        if turns:
            self.loops.append(float(np.median(turns[1:] or turns)))


def _sample(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of all lengths, so that their mean cost is the mean cost of all clips."""
    by_length = sorted(clips, key=lambda c: (c.duration_s, c.key))
    places = (np.arange(SAMPLE) + 0.5) / SAMPLE * len(by_length)
    return [by_length[int(p)] for p in places]


def _repeated(clips: Sequence[Clip], n: int, labels: Labels) -> list[Clip]:
    """`n` clips, labelled with all species in turn: the label does not change the time."""
    return [replace(clips[i % len(clips)], label=labels.names[i % len(labels)]) for i in range(n)]


def _features_s(store: FeatureStore, sample: Sequence[Clip], clips: Sequence[Clip]) -> float:
    """Seconds to compute the features that are not in the cache, estimated from a sample of clips."""
    missing = store.missing(clips)
    if not missing:
        return 0.0
    started = time.perf_counter()
    for clip in sample:
        store.extractor(clip)
    return (time.perf_counter() - started) / len(sample) * len(missing)


class NoisyStore(FeatureStore):
    """Features with a little noise, so that no two are equal: a head would fit repeated clips too fast."""

    def __init__(self, extractor: Extractor, folder: Path | None = None) -> None:
        super().__init__(extractor, folder)
        self.rng = np.random.default_rng(0)

    def __call__(self, clip: Clip) -> np.ndarray:
        x = super().__call__(clip)
        return (x + 0.1 * x.std() * self.rng.standard_normal(x.shape)).astype(np.float32)


def in_words(seconds: float) -> str:
    """`40 s`, `3 min`, `1 h 05 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
