"""A synthetic study from the data to the results: what is left, how long it takes, and the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finback.core.progress import Log, Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.storage.locks import check_free, only_writer
from finback.data.dataset import Dataset, prepare_request
from finback.data.index import IndexRequest
from finback.evaluation.cost import Cost, GeneratorCost, measure, measure_generator
from finback.evaluation.study import Callback, PreparedStudy, StudyRunner, measure_each
from finback.evaluation.synthetic_study import page
from finback.evaluation.synthetic_study.arm import TAPE_TRANSFER
from finback.evaluation.synthetic_study.fold_generator import check_generator, generator_folder
from finback.evaluation.synthetic_study.plan import (
    ArmRun,
    Fold,
    SyntheticStudy,
    folds_of,
    planned_runs,
)
from finback.evaluation.synthetic_study.results import results, save
from finback.evaluation.synthetic_study.train_arm import info_of, train_arm
from finback.training.plan import with_speeds

KIND, OLD_KIND = "synthetic_study", "gain"  # in run.json, today and in version 0.1.0
MANIFEST = "dataset.csv"


@dataclass(frozen=True, kw_only=True)
class PreparedSyntheticStudy(PreparedStudy[ArmRun]):
    """A synthetic study with its data and its folds."""

    study: SyntheticStudy
    folds: tuple[Fold, ...]
    costs: Mapping[str, GeneratorCost] = field(default_factory=dict)  # of generators


def prepare(
    study: SyntheticStudy, request: IndexRequest, out: Path, progress: Progress = no_progress
) -> PreparedSyntheticStudy:
    """Read the data, check every run before any work is done, measure what is left; nothing is written.

    Raises what training would for a run that cannot be made.
    """
    check_free(out)
    dataset = prepare_request(request, study.classifier.rare, progress)
    folds = folds_of(study, dataset)
    planned = planned_runs(study, folds, out)
    RunFolder.check_out(out, _info(study, planned[0], dataset, out))
    for run in planned:
        info_of(study, run, dataset, out)
    for fold in folds:
        for name in study.generators:
            check_generator(study, name, fold, dataset, out)
    todo = [run for run in planned if not run.is_done]
    seconds: dict[str, float] = {}
    errors: dict[str, str] = {}
    costs: dict[str, GeneratorCost] = {}
    if todo:
        seed = study.options.seeds[0]
        cost = measure(with_speeds(study.classifier_plan(study.baseline, seed), dataset), dataset)
        names = sorted({run.arm.generator for run in todo} - {"", TAPE_TRANSFER})
        costs, failed = measure_each(
            names,
            lambda name: measure_generator(study.generator_plan(name, seed), dataset, study.sampling),
            progress,
        )
        errors = {arm.name: failed[arm.generator] for arm in study.arms if arm.generator in failed}
        seconds = _seconds(study, todo, cost, costs, out)
    return PreparedSyntheticStudy(
        dataset=dataset,
        out=out,
        planned=planned,
        seconds=seconds,
        errors=errors,
        study=study,
        folds=folds,
        costs=costs,
    )


def _seconds(
    study: SyntheticStudy,
    todo: Sequence[ArmRun],
    cost: Cost,
    costs: Mapping[str, GeneratorCost],
    out: Path,
) -> dict[str, float]:
    """The time of each run; a generator counts for the first arm that needs it in a fold."""
    seconds: dict[str, float] = {}
    counted: set[tuple[int, int, str]] = set()
    for run in todo:
        arm, fold = run.arm, run.fold
        n_train, n_test = len(fold.split.train), len(fold.split.test)
        total = cost.plain_s(study.classifier.training, n_train, n_test)
        key = (fold.seed, fold.number, arm.generator)
        if arm.generator in costs and key not in counted:
            generator = costs[arm.generator]
            if not RunFolder(generator_folder(study, out, arm.generator, fold)).is_trained:
                total += generator.train_s(study.generators[arm.generator].training, n_train)
            low_data = fold.low_data(study.settings.low_data_below)
            n_samples = sum(study.most_synthetic(arm.generator, n) for n in low_data.values())
            total += n_samples * generator.sample_s * (study.settings.max_attempts if arm.filtered else 1)
        counted.add(key)
        seconds[run.name] = total
    return seconds


def _info(study: SyntheticStudy, first: ArmRun, dataset: Dataset, out: Path) -> RunInfo:
    """What must be the same in every call for one folder: the data, the classifier, the limit of clips."""
    settings = study.classifier.model_dump(mode="json", include={"features", "rare", "training", "model"})
    of_arm = info_of(study, first, dataset, out)
    kept = of_arm.only("family", "labels", "spec", "data_fingerprint") | {"defaults": of_arm.defaults}
    folder = RunFolder(out)
    old = folder.run_json.exists() and folder.info.kind == OLD_KIND
    arm = {"thin": study.settings.max_real_clips, "folds": study.options.n_folds}  # keys of version 0.1.0
    return RunInfo(
        kind=OLD_KIND if old else KIND, **kept, settings=settings, arm=arm, command=study.options.command
    )


def run(
    prepared: PreparedSyntheticStudy,
    progress: Progress = no_progress,
    callback: Callback = lambda rows: None,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Train and evaluate what is left, as far as the hours allow; write the results.

    Writes `synthetic_study.json`, `synthetic_study.csv`, `report.html` and its figure; returns the object
    of the first (`results.py`). An arm that fails is listed with its error, and the other arms continue.
    """
    with only_writer(prepared.out):
        return _run(prepared, progress, callback, log)


def _run(
    prepared: PreparedSyntheticStudy, progress: Progress, callback: Callback, log: Log
) -> dict[str, Any]:
    study, out, dataset = prepared.study, prepared.out, prepared.dataset
    RunFolder.begin(out, _info(study, prepared.planned[0], dataset, out))
    dataset.save(RunFiles(out).manifest)

    def train_one(one: ArmRun, named: Progress) -> str:
        train_arm(study, one, dataset, out, named)
        return ""

    runner = StudyRunner(prepared, train_one, study.options.hours, callback, log)
    result = results(study, prepared.folds, dataset, out, runner.run(progress), progress)
    save(result, out)
    page.write(result, out, progress)
    return result
