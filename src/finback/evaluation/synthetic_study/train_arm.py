"""One arm in one fold: train on the same real clips for the same number of steps, then score the test set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.scores import save_scores
from finback.core.runs.split_table import save_split
from finback.core.types import Labels
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.plan import ArmRun, SyntheticStudy, arm_folder
from finback.evaluation.synthetic_study.samples import examples, feature_store
from finback.features.cache import default_folder
from finback.models.predictor import Predictor
from finback.training.batches import TrainingInputs
from finback.training.classifier import check_out
from finback.training.stages import FitContext, new_model, run_stages
from finback.training.synthetic import SyntheticStore, synthetic_clips


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
    plan = study.classifier_plan(run.arm, run.fold.seed)
    settings, labels = plan.settings, Labels(folder.info.labels)
    store, clips = feature_store(study), run.fold.split.train
    store.prepare([*clips, *run.fold.split.test], progress)
    if run.arm.generator:
        x, names, samples = examples(study, run, dataset, out, progress)
        synthetic = synthetic_clips(names, settings.features, f"synthetic:{run.arm.generator}")
        store, clips = SyntheticStore(store, synthetic, x), (*clips, *synthetic)
        folder.note(
            n_synthetic=len(synthetic), n_generated=samples.n_generated, n_rejected=samples.n_rejected
        )
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    context = FitContext(settings.training, labels, plan.seed, plan.device, progress)
    end = run_stages(
        model, TrainingInputs(store, clips, settings.augment, settings.wave), (), context, folder.path
    )
    folder.finish(
        **end,
        n_parameters=model.n_parameters,
        temperature=1.0,
        not_calibrated="validation joined training",
    )
