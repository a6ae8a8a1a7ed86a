"""Which recipes are compared on which data sets, and the runs that this takes.

    comparison = plan(["birdnet", "birdnet-plda+aisfx-plda"], definitions, options=StudyOptions(5, (0, 1, 2)))

A recipe is a model family, or several families joined by `+`: their ensemble (`finback ensemble`). All
recipes of a seed are trained and tested on the same folds.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from finback import models
from finback.core.errors import InputError, SettingsError
from finback.core.settings import DEFAULT_PRESET
from finback.data.dataset import Dataset
from finback.evaluation.comparison.plan import Comparison, FamilyRun, planned_runs
from finback.evaluation.comparison.plan import plan as plan_families
from finback.evaluation.data_sets.definition import DataSet, values_of
from finback.evaluation.study import RUNS, StudyOptions
from finback.training.settings import Settings

JOINED = "+"


@dataclass(frozen=True)
class Recipe:
    """A model family, or the ensemble of several."""

    name: str
    families: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Recipe:
        """The recipe of a name as typed. Raises `SettingsError` for an unknown family, or one named twice."""
        families = tuple(part.strip() for part in text.split(JOINED))
        if len(set(families)) < len(families):
            raise SettingsError(f"recipe {text}: a family is there twice", "name each member once")
        for family in families:
            if family not in models.CLASSIFIERS:
                near = difflib.get_close_matches(family, models.CLASSIFIERS, n=1)
                hint = f"did you mean '{near[0]}'?" if near else "see finback models"
                raise SettingsError(f"recipe {text}: no classifier family '{family}'", hint)
        return cls(JOINED.join(families), families)

    @property
    def is_ensemble(self) -> bool:
        return len(self.families) > 1

    def folder(self, out: Path, seed: int) -> Path:
        """The run folder of this recipe with a seed, below the folder of a data set."""
        return out / RUNS / f"{self.name}-seed{seed}"


@dataclass(frozen=True)
class DataSetComparison:
    """What to compare and how; everything that is not data."""

    recipes: tuple[Recipe, ...]
    settings: Mapping[str, Settings]  # by family
    data_sets: tuple[DataSet, ...]
    reference: str  # name of the recipe that the others are compared with
    options: StudyOptions = field(default_factory=StudyOptions)
    inner_folds: int = 0  # that choose a recipe within the training groups of each fold; 0: none

    def runs(self, dataset: Dataset, out: Path) -> tuple[FamilyRun, ...]:
        """The runs of all families on one data set."""
        return planned_runs(self.on(dataset), out)

    def limited_to(self, found: DataSet) -> DataSetComparison:
        """The comparison with the seeds that a data set is tested with."""
        seeds = self.options.seeds[: found.seeds]
        return replace(self, options=replace(self.options, seeds=seeds))

    def on(self, dataset: Dataset) -> Comparison:
        """The comparison of the families on one data set, with the folds that the data set has."""
        folds = values_of(dataset) or self.options.n_folds
        settings = {
            family: given.model_copy(update={"split": given.split.model_copy(update={"folds": folds})})
            for family, given in self.settings.items()
        }
        return Comparison(settings, self.options, random=False)


def plan(
    recipes: Sequence[str],
    data_sets: Sequence[DataSet],
    preset: str = DEFAULT_PRESET,
    overrides: Sequence[str] = (),
    reference: str = "",
    options: StudyOptions | None = None,
    inner_folds: int = 0,
) -> DataSetComparison:
    """Resolve recipes and settings. The reference is the first recipe unless it is named.

    Raises `InputError` without a recipe or a data set, or for a reference that is no recipe; `SettingsError`
    for an unknown family or setting.
    """
    options = options or StudyOptions()
    chosen = tuple(dict.fromkeys(Recipe.of(text) for text in recipes))
    if not chosen or not data_sets:
        raise InputError(
            "a comparison over data sets needs recipes and data sets", "name at least one of each"
        )
    names = [recipe.name for recipe in chosen]
    if reference and reference not in names:
        raise InputError(
            f"--reference {reference}: not a recipe here", "the recipes are: " + ", ".join(names)
        )
    if options.n_folds < 2:
        raise SettingsError(f"--folds {options.n_folds} with --datasets", "ask for 2 folds or more")
    families = list(dict.fromkeys(family for recipe in chosen for family in recipe.families))
    settings = plan_families(families, preset, overrides, random=False, options=options).settings
    return DataSetComparison(chosen, settings, tuple(data_sets), reference or names[0], options, inner_folds)
