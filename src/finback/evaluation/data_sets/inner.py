"""The choice of a recipe within the training groups of each fold (nested cross-validation).

For each fold and seed, all recipes are compared on folds of the groups that the fold trains on; the recipe
with the highest macro-F1 there is the choice. The test groups of the fold, which took no part in the choice,
judge it: its predictions there are those of the chosen recipe, trained on all training groups of the fold
(Varma & Simon 2006, "Bias in error estimation when using cross-validation for model selection", BMC
Bioinformatics 7:91).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from finback.core.runs.documents import MetricsFile, read_document
from finback.core.runs.files import RunFiles
from finback.core.types import Split
from finback.data.dataset import Dataset
from finback.evaluation.comparison.plan import FamilyRun
from finback.evaluation.data_sets.plan import DataSetComparison
from finback.evaluation.study import PreparedStudy, StudyOptions

INNER = "inner"
TrainAll = Callable[[PreparedStudy[FamilyRun]], dict[str, str]]


@dataclass(frozen=True)
class Choice:
    """The recipes that one seed chose: for each fold, its name and its macro-F1 on the inner folds."""

    recipes: tuple[str, ...]
    scores: tuple[float, ...]


def choices(
    study: PreparedStudy[FamilyRun], comparison: DataSetComparison, train_all: TrainAll
) -> Mapping[int, Choice]:
    """The choice of each seed. A fold in which no recipe finished has no choice, and its seed none either."""
    found = {}
    for seed in comparison.options.seeds:
        split = next(run.plan.settings.split for run in study.planned if run.plan.seed == seed)
        best = [
            _best(result.split, fold, seed, study, comparison, train_all)
            for fold, result in enumerate(study.dataset.make_splits(split))
        ]
        if all(name for name, _ in best):
            found[seed] = Choice(tuple(name for name, _ in best), tuple(score for _, score in best))
    return found


def _best(
    split: Split,
    fold: int,
    seed: int,
    study: PreparedStudy[FamilyRun],
    comparison: DataSetComparison,
    train_all: TrainAll,
) -> tuple[str, float]:
    dataset = training_part(study.dataset, split)
    options = StudyOptions(
        comparison.inner_folds, (seed,), 0.0, comparison.options.device, comparison.options.command
    )
    inner = replace(comparison, options=options)
    out = study.out / INNER / f"seed{seed}-fold{fold}"
    errors = train_all(PreparedStudy(dataset, out, inner.runs(dataset, out)))
    scores = {
        recipe.name: score
        for recipe in comparison.recipes
        if recipe.name not in errors and (score := _macro_f1(recipe.folder(out, seed))) is not None
    }
    return max(scores.items(), key=lambda item: item[1], default=("", 0.0))


def training_part(dataset: Dataset, split: Split) -> Dataset:
    """The clips that a fold trains on (training and validation set), as a data set of their own."""
    mine = {clip.key for clip in (*split.train, *split.val)}
    clips = tuple(clip for clip in dataset.clips if clip.key in mine)
    return replace(dataset, clips=clips, subset_of=None, called=None, fold_of=None)


def _macro_f1(folder: Path) -> float | None:
    path = RunFiles(folder).metrics
    return read_document(path, MetricsFile)["macro_f1_multi_group"] if path.exists() else None
