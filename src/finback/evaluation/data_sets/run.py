"""Recipes x data sets x folds x seeds under one protocol, and the table of them.

    prepared = prepare(comparison, out, progress, log)   # reads the data, checks every run, writes nothing
    result = run(prepared, progress, callback, log)      # trains, evaluates, writes the table and the page

Below `out` each data set has a folder with its definition and its runs (`NAME/runs/RECIPE-seedN`), which are
run folders like any other. Finished runs are not repeated, so an interrupted comparison continues; recipes,
seeds and data sets can be added later. A recipe that fails on a data set is listed with its error, and the
others continue. With `inner_folds`, the recipes are also trained on folds within the training groups of each
fold (`NAME/inner`): these choose a recipe, and the groups of the fold judge the choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finback.core.errors import RunError
from finback.core.progress import Log, Progress, no_progress
from finback.core.storage.files import read_json, write_json
from finback.core.storage.locks import check_free, only_writer
from finback.data.dataset import Dataset
from finback.data.rare import RareSettings
from finback.data.sources.base import IndexRequest
from finback.evaluation.comparison.plan import FamilyRun, check_usable
from finback.evaluation.comparison.run import no_audio_baselines, train_and_evaluate
from finback.evaluation.data_sets import definition as definitions
from finback.evaluation.data_sets import results
from finback.evaluation.data_sets.definition import DataSet
from finback.evaluation.data_sets.inner import Choice, choices
from finback.evaluation.data_sets.page import write as write_page
from finback.evaluation.data_sets.plan import DataSetComparison, Recipe
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.study import FAILURES, Callback, PreparedStudy, StudyRunner, one_line
from finback.models.ensemble import combine
from finback.training.classifier import check_out

DEFINITION = "definition.json"


@dataclass(frozen=True)
class PreparedDataSet:
    """A data set that was read, and the runs of all families on it."""

    definition: DataSet
    dataset: Dataset
    study: PreparedStudy[FamilyRun]

    @property
    def out(self) -> Path:
        return self.study.out


@dataclass(frozen=True)
class Prepared:
    """A comparison over data sets, ready to run."""

    comparison: DataSetComparison
    out: Path
    data_sets: tuple[PreparedDataSet, ...] = field(repr=False)

    @property
    def n_runs(self) -> int:
        return sum(len(one.study.planned) for one in self.data_sets)

    @property
    def n_left(self) -> int:
        return sum(len(one.study.todo) for one in self.data_sets)


def prepare(
    comparison: DataSetComparison,
    out: Path,
    progress: Progress = no_progress,
    log: Log = lambda text: None,
) -> Prepared:
    """Read the data sets and check every run before any work is done; nothing is written.

    Raises what `train` would for a run that cannot be made, and `RunError` where `out` holds runs of a data
    set with the same name and another definition.
    """
    check_free(out)
    for found in comparison.data_sets:
        _check_stored(found, out / found.name)
    for family, settings in comparison.settings.items():
        check_usable(family, settings)
    rare = next(iter(comparison.settings.values())).rare
    read: dict[IndexRequest, Dataset] = {}
    return Prepared(
        comparison,
        out,
        tuple(_prepare(found, comparison, out, rare, read, progress, log) for found in comparison.data_sets),
    )  # fmt: skip


def _prepare(
    found: DataSet,
    comparison: DataSetComparison,
    out: Path,
    rare: RareSettings,
    read: dict[IndexRequest, Dataset],
    progress: Progress,
    log: Log,
) -> PreparedDataSet:
    """One data set; data sets with the same recordings and labels are read once (`read`)."""
    if found.request not in read:
        read[found.request] = definitions.read(found, rare, progress)
    dataset = definitions.divided(found, read[found.request], log)
    folder = out / found.name
    planned = comparison.limited_to(found).runs(dataset, folder)
    for one in planned:
        check_out(one.plan, dataset, one.folder)
    return PreparedDataSet(found, dataset, PreparedStudy(dataset, folder, planned))


def _check_stored(found: DataSet, folder: Path) -> None:
    path = folder / DEFINITION
    if not path.exists():
        return
    stored, asked = read_json(path), _stored(found)
    for key in sorted(set(stored) | set(asked)):
        if stored.get(key) != asked.get(key):
            raise RunError(
                f"{folder}: holds runs of another data set '{found.name}' ({key}: {stored.get(key)} there, "
                f"{asked.get(key)} in {found.file})",
                "give the data set another name, or another --out",
            )


def _stored(found: DataSet) -> dict[str, Any]:
    return found.model_dump(mode="json", exclude={"file", "about", "seeds"})


def run(
    prepared: Prepared,
    progress: Progress = no_progress,
    callback: Callback = lambda rows: None,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Train and evaluate what is left. Write `data_sets.json`, `.csv`, `.tex`, figures and `report.html`.

    Returns the object of `data_sets.json` (keys: see `finback.evaluation.data_sets.results`).
    """
    comparison = prepared.comparison
    with only_writer(prepared.out):
        done = [
            _run(one, comparison.limited_to(one.definition), progress, callback, log)
            for one in prepared.data_sets
        ]
        result = results.combined(comparison, done)
        results.save(result, prepared.out)
        write_page(result, prepared.out, progress)
    return result


def _run(
    one: PreparedDataSet, comparison: DataSetComparison, progress: Progress, callback: Callback, log: Log
) -> results.OneDataSet:
    write_json(one.out / DEFINITION, _stored(one.definition))

    def named(text: str) -> None:
        log(f"{one.definition.name}: {text}")

    errors = train_all(one.study, comparison, progress, callback, named)
    folds = one.study.planned[0].plan.settings.split
    chosen: Mapping[int, Choice] = {}
    if comparison.inner_folds:
        chosen = choices(
            one.study, comparison, lambda study: train_all(study, comparison, progress, callback, named)
        )
    baselines = no_audio_baselines(one.dataset, folds, one.out, progress)
    found = results.OneDataSet(one.definition, one.dataset, one.out, errors, chosen, baselines, folds.folds)
    return replace(found, rows=results.rows(found, comparison, progress))


def train_all(
    study: PreparedStudy[FamilyRun],
    comparison: DataSetComparison,
    progress: Progress,
    callback: Callback,
    log: Log,
) -> dict[str, str]:
    """Train all families, then combine the ensembles; {recipe: error} of those that failed."""

    def train_one(one: FamilyRun, shown: Progress) -> str:
        return train_and_evaluate(one, study.dataset, shown)

    runner = StudyRunner(study, train_one, comparison.options.hours, callback, log)
    of_family = runner.run(progress)
    errors = {}
    for recipe in comparison.recipes:
        failed = [of_family[family] for family in recipe.families if family in of_family]
        if failed:
            errors[recipe.name] = failed[0]
        elif recipe.is_ensemble:
            errors |= _ensembles(recipe, study, comparison, progress)
    return errors


def _ensembles(
    recipe: Recipe, study: PreparedStudy[FamilyRun], comparison: DataSetComparison, progress: Progress
) -> dict[str, str]:
    device, command = comparison.options.device, comparison.options.command
    for seed, members in _members(recipe, study):
        try:
            folder = combine(members, recipe.folder(study.out, seed), command=command, progress=progress)
            evaluate_run(folder.path, device, progress)
        except FAILURES as error:
            return {recipe.name: one_line(error)}
    return {}


def _members(recipe: Recipe, study: PreparedStudy[FamilyRun]) -> Iterator[tuple[int, list[Path]]]:
    """(seed, folders of the members) of each seed that all members have finished."""
    done = {(run.candidate, run.plan.seed): run.folder for run in study.planned if run.is_done}
    for seed in sorted({seed for _, seed in done}):
        if all((family, seed) in done for family in recipe.families):
            yield seed, [done[family, seed] for family in recipe.families]
