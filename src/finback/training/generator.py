"""Training of a generator or vocoder of any family on labelled clips. Its result is a run folder.

    folder = train_generator(Plan("diffusion", settings, seed=0), dataset, out)

The model is trained on nine tenths of the training set. The other clips, of the same groups, are held out
(`held.csv`). They show afterwards whether a sample is like a recording group, or is a copy of a clip.
The validation loss is only logged: the generator with the lowest loss on other groups is not
the one with the best samples. The averaged weights of the last step are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.split_table import save_held_out, save_split
from finback.core.storage.locks import check_free, only_writer
from finback.core.types import Clip, Labels, Split
from finback.data.dataset import Dataset, require_dataset
from finback.data.locate import remember_dataset
from finback.data.provenance import refuse_synthetic
from finback.data.splits.make import describe_split
from finback.features.cache import FeatureStore, default_folder
from finback.features.cache import windows_of as windows_of
from finback.features.extract import Extractor
from finback.features.lengths import true_frames
from finback.models.networks.calls.network import Calls
from finback.models.networks.residual_denoiser import ResidualDenoiser
from finback.models.weights import save_tensors
from finback.training.batches import TrainingInputs
from finback.training.calls import fit_calls
from finback.training.loop import fit
from finback.training.plan import Plan, describe, resumed_generator
from finback.training.stages import new_model
from finback.training.tasks import task_for
from finback.training.tasks.residual_diffusion import fit_start


def train_generator(
    plan: Plan, dataset: Dataset, out: Path, progress: Progress = no_progress, split: Split | None = None
) -> RunFolder:
    """Train a generator or vocoder, or resume an interrupted training. Returns the run folder.

    `split`: the split to use, for example of a fold of a comparison; by default it is made here. Raises
    `ManifestError` for a manifest that was not prepared, `SettingsError` on settings that generators do not
    support, `RunError` if `out` holds another run.
    """
    plan = resumed_generator(plan, out)
    info = check_out(plan, dataset, out)
    check_free(out)
    remember_dataset(RunFiles(out).manifest, dataset)
    if split is None:
        result = dataset.make_splits(plan.settings.split)[0]
        info, split = info.updated(split=describe_split(result)), result.split
    with only_writer(out, required=not RunFolder(out).is_trained):
        run = RunFolder.begin(out, info)
        if run.is_trained:
            return run
        dataset.save(run.manifest)
        save_split(run.split_table, split)
        train, held_out = hold_out(split.train, plan.settings.generate.held_out, plan.seed)
        save_held_out(run.held_out_table, train, held_out, split)
        _fit(plan, Labels(info.labels), train, split.val, run, progress)
        run.finish()
    return run


def check_out(plan: Plan, dataset: Dataset, out: Path) -> RunInfo:
    """The description of the run, after checking that the run can be trained.

    Raises `SettingsError` or `RunError` before any work is done.
    """
    require_dataset(dataset, "train_generator")
    plan = resumed_generator(plan, out)
    settings = plan.settings
    if settings.split.folds:
        raise SettingsError(
            f"--folds {settings.split.folds} with {plan.family}: a generator is trained on a single training "
            "set, not on folds",
            "leave --folds out; finback compare --synthetic trains a generator in every fold",
        )
    if settings.rare.how == "prototype":
        raise SettingsError(
            f"rare.how = 'prototype' with {plan.family}: only classifiers know prototypes",
            "take keep or drop",
        )
    refuse_synthetic(dataset.clips, f"the training of {plan.family}")
    info = describe(plan, dataset)
    RunFolder.check_out(out, info)
    return info


def hold_out(clips: Sequence[Clip], share: float, seed: int) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """(train, held out): a random share of the clips of each species is held out, never all of a group."""
    rng = np.random.default_rng([seed, 7])
    held: set[tuple[int, ...] | tuple[Any, ...]] = set()
    for name in Labels.of(clips).names:
        own = [c for c in clips if c.label == name]
        left: dict[str, int] = {}
        for c in own:
            left[c.group] = left.get(c.group, 0) + 1
        wanted = round(share * len(own))
        for i in rng.permutation(len(own)):
            if wanted and left[own[i].group] > 1:
                held.add(own[i].key)
                left[own[i].group] -= 1
                wanted -= 1
    return tuple(c for c in clips if c.key not in held), tuple(c for c in clips if c.key in held)


def _fit(
    plan: Plan,
    labels: Labels,
    clips: Sequence[Clip],
    val: Sequence[Clip],
    run: RunFolder,
    progress: Progress,
) -> None:
    settings = plan.settings
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    if isinstance(model, Calls):
        run.note(tapes=fit_calls(model, clips, labels, progress, default_folder()))
        _save_fitted(model, run)
        return
    store = FeatureStore(Extractor.for_model(model), default_folder())
    inputs = TrainingInputs(store, clips, None, settings.wave)
    inputs.prepare(progress)
    if val:
        store.prepare(val, progress)
    if hasattr(model, "scale"):
        if isinstance(model, ResidualDenoiser):
            fit_start(model, store, clips, labels)
            run.note(tapes=sorted({c.group_key for c in clips}))
        else:
            x, y = windows_of(store, clips, labels)
            model.scale.fit(x, y)
        if not model.task:  # fitted in closed form
            windows = [window for clip in clips for window in store.extractor.windows(clip)]
            model.fit(x, y, torch.from_numpy(true_frames(windows, model.spec)))
            _save_fitted(model, run)
            return
    task = task_for(model, inputs, labels, settings.training, getattr(settings, model.task), val)
    end = fit(task, settings.training, run.path, plan.seed, plan.device, progress)
    run.note(**end, n_parameters=model.n_parameters)


def _save_fitted(model: Any, run: RunFolder) -> None:
    """Keep a model that was fitted in closed form."""
    save_tensors(run.weights, model.state_dict(), {})
    run.note(n_parameters=model.n_parameters)
