"""Families x folds x seeds under one protocol, and the leaderboard of them.

    comparison = plan(["dnn", "cnn2d"], options=StudyOptions(n_folds=5, seeds=(0, 1, 2)))
    prepared = prepare(comparison, request, out, progress)   # reads the data, measures how long it will take
    result = run(prepared, progress, callback, log)          # trains, evaluates, writes the leaderboard

The data are indexed and assigned to recording groups once, so all families of a seed are evaluated on the
same folds. The folders `runs/<family>-seed<seed>` below `out` are run folders like any other. Finished runs
are not repeated, so a comparison that was interrupted continues; more families or seeds can be added later. A
family that fails is listed in the table with its error, and the other families continue.

Each family is also trained once on a random split of the same clips (`runs/<family>-random`), where clips of
one group are in the training set and in the test set. Its accuracy is shown only to compare: it is too high.

Nothing is tuned here. A validation set, taken from the training groups, stops and calibrates each model as
`train` does. Each test set is scored once, by `evaluate`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finback import models
from finback.core.progress import Log, Progress, no_progress
from finback.core.runs.documents import AuditFile, read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import write_json
from finback.core.storage.locks import check_free, only_writer
from finback.data.dataset import Dataset, prepare_request
from finback.data.index import IndexRequest
from finback.data.splits.settings import SplitSettings
from finback.evaluation.comparison import leaderboard
from finback.evaluation.comparison.page import write as write_page
from finback.evaluation.comparison.plan import (
    Comparison,
    FamilyRun,
    check_usable,
    data_of,
    plan,
    planned_runs,
)
from finback.evaluation.cost import Cost, measure
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.study import Callback, PreparedStudy, StudyRunner, measure_each
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.predictor import Predictor
from finback.training.batches import TrainingInputs
from finback.training.classifier import check_out, train
from finback.training.plan import with_speeds

__all__ = ["Comparison", "PreparedComparison", "plan", "prepare", "run"]

SPEED_CLIPS = 64


@dataclass(frozen=True, kw_only=True)
class PreparedComparison(PreparedStudy[FamilyRun]):
    """A comparison with its data, and the measured cost of each family that has unfinished runs."""

    comparison: Comparison
    costs: Mapping[str, Cost]


def prepare(
    comparison: Comparison, data: IndexRequest | Dataset, out: Path, progress: Progress = no_progress
) -> PreparedComparison:
    """Read the data, check every run before any work is done, measure what is left; nothing is written.

    `data`: the recordings to read, or clips that are prepared already.

    Raises what `train` would for a run that cannot be made: `SettingsError`, `SplitError`, `RunError`.
    """
    check_free(out)
    rare = next(iter(comparison.settings.values())).rare
    dataset = data if isinstance(data, Dataset) else prepare_request(data, rare, progress)
    planned = tuple(
        replace(one, plan=with_speeds(one.plan, dataset)) for one in planned_runs(comparison, out)
    )
    for one in planned:
        check_out(one.plan, dataset, one.folder)
    for family, settings in comparison.settings.items():
        check_usable(family, settings)
    todo = [one for one in planned if not one.is_done]
    first = {one.candidate: one for one in reversed(todo)}  # the first unfinished run of each family
    names = [family for family in comparison.settings if family in first]
    costs, errors = measure_each(names, lambda family: measure(first[family].plan, dataset), progress)
    seconds = {
        one.name: _left_s(one, costs[one.candidate], dataset) for one in todo if one.candidate in costs
    }
    for family, cost in costs.items():
        seconds[first[family].name] += cost.features_s
    return PreparedComparison(
        dataset=dataset,
        out=out,
        planned=planned,
        seconds=seconds,
        errors=errors,
        comparison=comparison,
        costs=costs,
    )


def _left_s(one: FamilyRun, cost: Cost, dataset: Dataset) -> float:
    settings = one.plan.settings
    splits = data_of(one, dataset).make_splits(settings.split)
    parts = [cost.fold_s(settings.training, s.split) for s in splits]
    return sum(parts[len(one.parts_done()) :])


def run(
    prepared: PreparedComparison,
    progress: Progress = no_progress,
    callback: Callback = lambda rows: None,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Train and evaluate what is left. Write `leaderboard.json`, `leaderboard.csv`, figures, `report.html`.

    Returns the object of `leaderboard.json` (keys: see `finback.evaluation.comparison.leaderboard`).
    """
    with only_writer(prepared.out):
        return _run(prepared, progress, callback, log)


def _run(prepared: PreparedComparison, progress: Progress, callback: Callback, log: Log) -> dict[str, Any]:
    dataset, comparison = prepared.dataset, prepared.comparison

    def train_one(one: FamilyRun, named: Progress) -> str:
        return train_and_evaluate(one, dataset, named)

    runner = StudyRunner(prepared, train_one, comparison.options.hours, callback, log)
    errors = runner.run(progress)
    result = leaderboard.leaderboard(
        [_candidate(family, prepared, errors) for family in comparison.settings],
        dataset,
        no_audio_baselines(dataset, prepared.planned[0].plan.settings.split, prepared.out, progress),
        progress,
    )
    first = next(iter(comparison.settings.values()))
    result |= {"folds": first.split.folds, "seeds": list(comparison.options.seeds)}
    result["command"] = comparison.options.command
    leaderboard.save(result, prepared.out)
    write_page(result, prepared.out, progress)
    return result


def train_and_evaluate(one: FamilyRun, dataset: Dataset, progress: Progress) -> str:
    """Train and evaluate one run; the result in words."""
    _compute_features(one, dataset, progress)
    with one.timed():
        train(one.plan, data_of(one, dataset), one.folder, progress)
    _note_speed(one, dataset)
    metrics = evaluate_run(one.folder, one.plan.device, progress)
    text = f"accuracy {metrics['accuracy']:.3f}"
    if metrics["macro_f1_multi_group"] is not None:
        text += f", macro-F1 (species with several groups) {metrics['macro_f1_multi_group']:.3f}"
    return text


def _compute_features(one: FamilyRun, dataset: Dataset, progress: Progress) -> None:
    """Features of all clips, before training is timed: the first family would pay for all of them."""
    settings = one.plan.settings
    model = models.create(one.plan.family, settings.features, 2, **settings.model)
    store = FeatureStore(Extractor.for_model(model), default_folder())
    store.prepare(dataset.clips, progress)
    TrainingInputs(store, dataset.clips, settings.augment, settings.wave).prepare(progress)


def _note_speed(one: FamilyRun, dataset: Dataset) -> None:
    """Clips per second through one trained model, with the features in the cache."""
    folder = RunFolder.open(one.folder)
    predictor = Predictor.load(folder.parts[0].path, one.plan.device, default_folder())
    step = max(1, len(dataset.clips) // SPEED_CLIPS)
    clips = dataset.clips[::step][:SPEED_CLIPS]
    predictor.scores(clips[:1])
    started = time.perf_counter()
    predictor.scores(clips)
    folder.note(clips_per_s=round(len(clips) / (time.perf_counter() - started), 1))


def _candidate(family: str, prepared: PreparedComparison, errors: Mapping[str, str]) -> leaderboard.Candidate:
    done = [one for one in prepared.planned if one.candidate == family and one.is_done]
    runs = {one.plan.seed: one.folder for one in done if not one.random}
    random = next((one.folder for one in done if one.random), None)
    return leaderboard.Candidate(family, runs, random, errors.get(family, ""))


def no_audio_baselines(
    dataset: Dataset, settings: SplitSettings, out: Path, progress: Progress
) -> dict[str, Any]:
    """The no-audio baselines on these folds and on a random split; kept in `audit.json`."""
    path, fingerprint = RunFiles(out).audit, dataset.fingerprint
    split = settings.model_dump(mode="json")
    if path.exists():
        kept = read_document(path, AuditFile)
        if kept.get("data_fingerprint") == fingerprint and kept.get("split") == split:
            return kept
    audit = dataset.audit(settings, progress)
    value = {**audit.to_json(), "data_fingerprint": fingerprint, "split": split}
    write_json(path, value)
    return value
