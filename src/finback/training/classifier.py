"""Training and calibration of a classifier on labelled clips. Its result is a run folder.

    folder = train(Plan("cnn2d", settings, seed=0), dataset, out)

With folds, every fold is a run folder below `folds/`. The test set is chosen here, and not used.

The validation set selects the number of epochs. The temperature is fitted to recording groups that were left
out (`calibrate`). Then a new model is trained on the training and validation sets together for the same
number of epochs (`training.refit`). Recording groups (tapes, deployments, site-days) are few: of a species
with three groups, one of them in the test set, the final model is trained on two groups instead of one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from finback import models
from finback.core.errors import SettingsError, SplitError
from finback.core.progress import Progress, no_progress, prefixed
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import Json, RunInfo
from finback.core.runs.scores import load_scores, save_scores
from finback.core.runs.split_table import load_split, save_split
from finback.core.runs.training_clips import save_training_clips
from finback.core.storage.files import write_atomic
from finback.core.storage.locks import check_free, only_writer
from finback.core.types import Clip, Labels, Scores, Split
from finback.data.dataset import Dataset, require_dataset
from finback.data.locate import remember_dataset
from finback.data.splits.make import describe_split
from finback.data.splits.split import SplitResult
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.attach_gate import save_gate
from finback.models.devices import torch_device
from finback.models.model_files import keep_files
from finback.models.networks.classifier import Classifier
from finback.models.weights import load_weights
from finback.training.batches import TrainingInputs
from finback.training.calibrate import cross_fitted, temperature_of, validated
from finback.training.copies import prepare_copies
from finback.training.describe_clips import described
from finback.training.gate import fit_gate_of
from finback.training.plan import Plan, describe, resumed, with_speeds
from finback.training.rare_species import imprint_rare_species
from finback.training.settings import Settings
from finback.training.stages import FitContext, check_stages, new_model, run_stages


def train(plan: Plan, dataset: Dataset, out: Path, progress: Progress = no_progress) -> RunFolder:
    """Train and calibrate a classifier, or resume an interrupted training. Returns the run folder.

    Raises `ManifestError` for a manifest that was not prepared, `RunError` if `out` holds another run,
    `SplitError` when a training set has fewer than two species, `LockError` when another process writes
    there.
    """
    plan = with_speeds(resumed(plan, out), dataset)
    info = check_out(plan, dataset, out)
    check_free(out)
    remember_dataset(RunFiles(out).manifest, dataset)
    results = dataset.make_splits(plan.settings.split)
    for result in results:
        _check_training_set(result, _prototyped(info))
    with only_writer(out, required=not RunFolder(out).is_trained):
        return _train_all(plan, info, results, dataset, out, progress)


def _train_all(
    plan: Plan, info: RunInfo, results: Sequence[SplitResult], dataset: Dataset, out: Path, progress: Progress
) -> RunFolder:
    """Train the run of the only split, or of every fold."""
    if not plan.settings.split.folds:
        return _train_one(plan, info, results[0], dataset, out, progress)
    whole = info.updated(n_folds=len(results), split=[describe_split(r) for r in results])
    run = RunFolder.begin(out, whole)
    keep_files(plan.family, plan.settings.model, out)
    dataset.save(run.manifest)
    for i, result in enumerate(results):
        named = prefixed(progress, f"fold {i + 1} of {len(results)}: ")
        _train_one(plan, info.updated(fold=i), result, dataset, run.fold(i).path, named)
    run.finish()
    return run


def train_part(
    plan: Plan, dataset: Dataset, result: SplitResult, fold: int, out: Path, progress: Progress = no_progress
) -> RunFolder:
    """Train and calibrate on one split of the clips, or resume; the manifest is kept elsewhere.

    Raises as `train`, but takes no lock: whoever owns the folder above `out` has it.
    """
    plan = with_speeds(resumed(plan, out), dataset)
    info = describe(plan, dataset).updated(fold=fold)
    _check_training_set(result, _prototyped(info))
    return _train_one(plan, info, result, dataset, out, progress)


def check_out(plan: Plan, dataset: Dataset, out: Path, arm: Json | None = None) -> RunInfo:
    """The description of the run, after checking that the run can be trained; `arm` as in `describe`.

    Raises `SettingsError`, `SplitError` or `RunError` before any work is done.
    """
    require_dataset(dataset, "train")
    plan = with_speeds(resumed(plan, out), dataset)
    labels, settings = dataset.labels, plan.settings
    if len(labels) < 2:
        raise SplitError(
            f"only one species ({labels.names[0]}): a classifier needs two", "label clips of a second species"
        )
    info = describe(plan, dataset, arm)
    check_stages(
        models.create(plan.family, settings.features, len(labels), **settings.model), settings.training
    )
    if settings.rare.how == "prototype" and not models.family(plan.family).supports_imprinting:
        raise SettingsError(
            f"rare.how = 'prototype' with {plan.family}: its head has no row for each species",
            "take keep, drop or bucket, or a family with a linear head, such as cnn2d or birdnet",
        )
    RunFolder.check_out(out, info)
    return info


def _train_one(
    plan: Plan,
    info: RunInfo,
    result: SplitResult,
    dataset: Dataset,
    out: Path,
    progress: Progress,
) -> RunFolder:
    run = RunFolder.begin(out, info.updated(split=describe_split(result)))
    if run.is_trained:
        return run
    if info.fold is None:
        keep_files(plan.family, plan.settings.model, out)
        dataset.save(run.manifest)
    split = result.split
    if run.split_table.is_file():  # a training goes on with the split that it began with
        split = load_split(run.split_table, dataset.clips, run.info.split_by)
    else:
        save_split(run.split_table, split)
    labels, settings = Labels(info.labels), plan.settings
    model = _new_model(plan, labels)
    store = FeatureStore(Extractor.for_model(model), default_folder())
    store.prepare([*split.train, *split.val], progress)
    context = FitContext(settings.training, labels, plan.seed, plan.device, progress, _prototyped(info))
    prepare_copies(store, _common([*split.train, *split.val], context), settings.training.copies, progress)
    if run.info.temperature is None:  # run.json has the temperature before the refit replaces the weights
        end = _fit(model, store, settings, split.train, split.val, context, out)
        fitted = _calibrate(model, store, split, context, run)
        run.note(**end, n_parameters=model.n_parameters, **fitted)
    if settings.training.refit and split.val:
        epochs = run.info.epochs or 0
        longer = settings.training.model_copy(update={"epochs": max(1, epochs)})
        again = replace(context, settings=longer, progress=prefixed(progress, "refit: "))
        everything = (*split.train, *split.val)
        # A head in closed form forgets its last fit, and keeps what calibration computed on the same clips.
        fresh = model if model.stages == ("fit",) else _new_model(plan, labels)
        _fit(fresh, store, settings, everything, (), again, run.refit.path)
        write_atomic(run.weights, run.refit.weights.read_bytes())
        run.note(refit_epochs=epochs)
    learned = (*split.train, *split.val) if settings.training.refit else split.train
    gate, least_known = _gate(plan, run, labels, store, (*split.train, *split.val), progress)
    save_training_clips(run.training_clips, described(learned, least_known, progress))
    run.finish(gate=gate)
    return run


def _gate(
    plan: Plan, run: RunFolder, labels: Labels, store: FeatureStore, clips: Sequence[Clip], progress: Progress
) -> tuple[dict[str, Any], float | None]:
    """Fit the gate of the final model and put it among its weights; what run.json says of it, and the
    probability "known" that nearly all left-out calls have.

    A training that a version without gates began ends as it would have ended there.
    """
    if "unknown" not in run.info.settings:
        return {}, None
    model = _new_model(plan, labels)
    load_weights(model, run.weights)
    model.to(torch_device(plan.device)).eval()
    fitted = fit_gate_of(model, store, clips, plan.settings.unknown, progress)
    save_gate(run.weights, fitted.gate)
    if run.validation_scores.is_file():
        scores, folds = load_scores(run.validation_scores, clips)
        odds = np.array([fitted.odds.get(clip.key, np.nan) for clip in scores.clips])
        if len(odds) and np.isfinite(odds).all():
            save_scores(run.validation_scores, scores, folds, "val", odds)
    return fitted.facts, fitted.least_known


def _fit(
    model: Classifier,
    store: FeatureStore,
    settings: Settings,
    clips: Sequence[Clip],
    val: Sequence[Clip],
    context: FitContext,
    folder: Path,
) -> dict[str, Any]:
    """Train and validate on the common species, then imprint the rare ones, if there are any."""
    common = _common(clips, context)
    inputs = TrainingInputs(store, common, settings.augment, settings.wave)
    inputs.prepare(context.progress)
    end = run_stages(model, inputs, _common(val, context), context, folder)
    if context.rare:
        imprint_rare_species(model, store, clips, context, folder)
    return end


def _common(clips: Sequence[Clip], context: FitContext) -> list[Clip]:
    """The clips that are trained on, without those of species that are imprinted after it."""
    return [clip for clip in clips if clip.label not in context.rare]


def _prototyped(info: RunInfo) -> tuple[str, ...]:
    """The species that are imprinted after training instead of trained on."""
    return tuple(sorted(info.rare["species"])) if info.rare["how"] == "prototype" else ()


def _check_training_set(result: SplitResult, rare: Collection[str]) -> None:
    """Raises `SplitError` when the training set holds fewer than two species."""
    trained = {c.label for c in result.split.train} - set(rare)
    if len(trained) < 2:
        which = "" if result.fold is None else f"fold {result.fold}: "
        common = " that are not rare" if rare else ""
        raise SplitError(
            f"{which}the training set holds {len(trained)} species{common}; a classifier needs two",
            "add recordings of more groups, or try another seed or number of folds",
        )


def _new_model(plan: Plan, labels: Labels) -> Classifier:
    settings = plan.settings
    return cast(Classifier, new_model(plan.family, settings.features, len(labels), settings.model, plan.seed))


def _calibrate(
    model: Classifier, store: FeatureStore, split: Split, context: FitContext, run: RunFolder
) -> dict[str, Any]:
    """The temperature, from groups that were left out, or 1 and the reason when it cannot be fitted.

    Saves the calibrated scores of the validation clips, and the probabilities of the left-out clips.
    """
    labels, val = context.labels, split.val
    validation = left_out = validated(model, store, labels, val)
    if model.stages == ("fit",):
        clips = (*split.train, *val) if context.settings.refit else split.train
        copies = context.settings.copies
        left_out = cross_fitted(model, store, labels, clips, context.rare, copies)
    fitted = temperature_of(left_out, labels)
    left_out.save(run.left_out, labels, fitted["temperature"])
    if val:
        scores = Scores(val, labels, validation.logits / np.float32(fitted["temperature"]))
        save_scores(run.validation_scores, scores, np.full(len(val), run.info.fold or 0), "val")
    return fitted
