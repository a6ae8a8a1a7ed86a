"""One arm in one fold: the same real clips for the same number of steps, then the fold's unseen tapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import Progress, no_progress
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.core.scores import save_scores
from finback.core.split_table import save_split
from finback.core.types import Labels
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.plan import Arm, Fold, Gain
from finback.evaluation.synthetic_study.samples import arm_folder, examples, fold_folder, store_of
from finback.features.cache import default_folder
from finback.models.predictor import Predictor
from finback.training.batches import Inputs
from finback.training.classifier import check_out
from finback.training.stages import How, learn, new_model
from finback.training.synthetic import MadeStore, made_clips


def is_done(job: Gain, arm: Arm, fold: Fold, out: Path) -> bool:
    run = RunFolder(fold_folder(out, arm, fold))
    return run.is_trained and run.scores.exists()


def info_of(job: Gain, arm: Arm, fold: Fold, dataset: Dataset, out: Path) -> RunInfo:
    """What fixes the training of an arm, as in a run.json. Raises `RunError` if it holds another."""
    plan = job.classifier(arm, fold.seed)
    told: dict[str, Any] = {"name": arm.name, "thin": job.options.thin}
    if arm.maker:
        told |= {"below": job.options.below, "ratio": arm.ratio, "fill": arm.fill}
    return check_out(plan, dataset, arm_folder(out, arm, fold.seed), arm=told)


def learn_fold(
    job: Gain, arm: Arm, fold: Fold, dataset: Dataset, out: Path, progress: Progress = no_progress
) -> None:
    """Train and score; what is finished stays as it is. The folder is an ordinary run folder."""
    folder = fold_folder(out, arm, fold)
    info = info_of(job, arm, fold, dataset, out)
    clips = {side: len(fold.split.side(side)) for side in ("train", "val", "test")}
    split = {"by": "group", "clips": clips, "warnings": [], "untestable": {}}
    RunFolder.begin(arm_folder(out, arm, fold.seed), info.updated(n_folds=fold.of))
    run = RunFolder.begin(folder, info.updated(fold=fold.number, split=split))
    if not run.is_trained:
        save_split(run.split_table, fold.split)
        _train(job, arm, fold, dataset, out, run, progress)
    if not run.scores.exists():
        test = fold.split.test
        predictor = Predictor.load(folder, job.device, default_folder())
        predictor.prepare(test, progress)
        save_scores(run.scores, predictor.scores(test, progress), np.full(len(test), fold.number))


def _train(
    job: Gain, arm: Arm, fold: Fold, dataset: Dataset, out: Path, run: RunFolder, progress: Progress
) -> None:
    plan = job.classifier(arm, fold.seed)
    settings, labels = plan.settings, Labels(run.info.labels)
    store, clips = store_of(job), fold.split.train
    store.prepare([*clips, *fold.split.test], progress)
    if arm.maker:
        x, names, pool = examples(job, arm, fold, dataset, out, progress)
        made = made_clips(names, settings.features, f"synthetic:{arm.maker}")
        store, clips = MadeStore(store, made, x), (*clips, *made)
        run.note(n_synthetic=len(made), made=pool.made, refused=pool.refused)
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    how = How(settings.training, labels, plan.seed, plan.device, progress)
    end = learn(model, Inputs(store, clips, settings.augment, settings.wave), (), how, run.path)
    run.finish(
        **end,
        n_parameters=model.n_parameters,
        temperature=1.0,
        not_calibrated="validation joined training",
    )
