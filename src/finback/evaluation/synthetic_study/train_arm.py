"""One arm in one fold: train on the same real clips for the same number of steps, then score the test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.scores import save_scores
from finback.core.runs.split_table import save_split
from finback.core.types import Clip, Labels
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.plan import ArmRun, SyntheticStudy, arm_folder
from finback.evaluation.synthetic_study.samples import examples
from finback.evaluation.synthetic_study.sounds import synthetic_sounds
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.networks.classifier import Classifier
from finback.models.predictor import Predictor
from finback.training.batches import TrainingInputs
from finback.training.classifier import check_out
from finback.training.copies import prepare_copies
from finback.training.plan import with_speeds
from finback.training.stages import FitContext, new_model, run_stages
from finback.training.synthetic import SyntheticStore, synthetic_clips

PRETRAINING = "pretraining"  # folder of the first half of a training


def info_of(study: SyntheticStudy, run: ArmRun, dataset: Dataset, out: Path) -> RunInfo:
    """What defines the training of an arm, as in run.json. Raises `RunError` if the folder holds another."""
    arm, settings = run.arm, study.settings
    # The keys of version 0.1.0: they decide whether a folder holds the same run.
    content: dict[str, Any] = {"name": arm.key, "thin": settings.max_real_clips}
    if arm.generator:
        content |= {"below": settings.low_data_below, "ratio": arm.ratio, "fill": arm.target_clips}
    plan = study.classifier_plan(arm, run.fold.seed)
    return check_out(plan, dataset, arm_folder(out, arm, run.fold.seed), arm=content)


def train_arm(
    study: SyntheticStudy, run: ArmRun, dataset: Dataset, out: Path, progress: Progress = no_progress
) -> None:
    """Train and score; finished work is not repeated. The folder is an ordinary run folder."""
    fold = run.fold
    info = info_of(study, run, dataset, out)
    clips = {side: len(fold.split.subset(side)) for side in ("train", "val", "test")}
    split = {"by": "group", "clips": clips, "warnings": [], "untestable": {}}
    RunFolder.begin(arm_folder(out, run.arm, fold.seed), info.updated(n_folds=fold.n_folds))
    folder = RunFolder.begin(run.folder, info.updated(fold=fold.number, split=split))
    if not folder.is_trained:
        save_split(folder.split_table, fold.split)
        with run.timed():
            _train(study, run, dataset, out, folder, progress)
    if not folder.scores.exists():
        test = fold.split.test
        predictor = Predictor.load(run.folder, study.options.device, default_folder())
        predictor.prepare(test, progress)
        save_scores(folder.scores, predictor.scores(test, progress), np.full(len(test), fold.number))


def _train(
    study: SyntheticStudy, run: ArmRun, dataset: Dataset, out: Path, folder: RunFolder, progress: Progress
) -> None:
    plan = with_speeds(study.classifier_plan(run.arm, run.fold.seed), dataset)
    settings, labels = plan.settings, Labels(folder.info.labels)
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    store, real = FeatureStore(Extractor.for_model(model), default_folder()), run.fold.split.train
    store.prepare([*real, *run.fold.split.test], progress)
    synthetic: tuple[Clip, ...] = ()
    if run.arm.generator:
        store, synthetic = _synthetic(study, run, dataset, out, folder, store, progress)
    prepare_copies(store, [*real, *synthetic], settings.training.copies, progress)
    context = FitContext(settings.training, labels, plan.seed, plan.device, progress)
    clips = (*real, *synthetic)
    if run.arm.pretrained and synthetic:
        clips, samples = real, TrainingInputs(store, synthetic, settings.augment)
        context = _pretrained(model, samples, real, context, folder)
    inputs = TrainingInputs(store, clips, settings.augment, settings.wave)
    end = run_stages(model, inputs, (), context, folder.path)
    folder.finish(
        **end,
        n_parameters=model.n_parameters,
        temperature=1.0,
        not_calibrated="validation joined training",
    )


def _synthetic(
    study: SyntheticStudy,
    run: ArmRun,
    dataset: Dataset,
    out: Path,
    folder: RunFolder,
    store: FeatureStore,
    progress: Progress,
) -> tuple[FeatureStore, tuple[Clip, ...]]:
    """The synthetic clips of the arm, and a store that knows their features too."""
    if not store.extractor.front_end.is_spectrogram:
        clips = synthetic_sounds(study, run, dataset, out, progress)
        store.prepare(clips, progress)
        folder.note(n_synthetic=len(clips), n_generated=len(clips), n_rejected=0)
        return store, clips
    x, names, samples = examples(study, run, dataset, out, progress)
    clips = synthetic_clips(names, store.extractor.spec, f"synthetic:{run.arm.generator}")
    folder.note(n_synthetic=len(clips), n_generated=samples.n_generated, n_rejected=samples.n_rejected)
    return SyntheticStore(store, clips, x), clips


def _pretrained(
    model: Classifier, samples: TrainingInputs, real: Sequence[Clip], context: FitContext, folder: RunFolder
) -> FitContext:
    """Train on samples for half of the steps; returns the context of the other half, on the real clips."""
    epochs = context.settings.epochs
    first = max(1, epochs // 2)
    as_many = max(1, round(first * len(real) / len(samples.clips)))  # epochs of samples with as many steps
    before = context.settings.model_copy(update={"epochs": as_many})
    run_stages(model, samples, (), replace(context, settings=before), folder.path / PRETRAINING)
    after = context.settings.model_copy(update={"epochs": max(1, epochs - first)})
    return replace(context, settings=after)
