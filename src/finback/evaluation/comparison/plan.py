"""Which model families are compared, with which settings, and the runs that this takes.

The settings of a family are those of the preset and the family's own. A model setting given by the user goes
to the families that have it. All families of a seed have the same split settings, and therefore the same
folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.core.runs.files import METRICS
from finback.core.settings import DEFAULT_PRESET
from finback.data.dataset import Dataset
from finback.data.splits.split import SplitSettings
from finback.evaluation.study import RUNS, PlannedRun, StudyOptions
from finback.features import playback
from finback.features.extract import Extractor
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve_shared

RANDOM_FRACTIONS = (0.65, 0.15, 0.2)  # with the refit, 80 % are trained on and 20 % tested


@dataclass(frozen=True)
class Comparison:
    """What to compare and how; everything that is not data."""

    settings: Mapping[str, Settings]  # by family
    options: StudyOptions = field(default_factory=StudyOptions)
    random: bool = True  # whether each family is also trained on a random split
    left_out: Mapping[str, str] = field(default_factory=dict)  # backbones that cannot be used here, and why


@dataclass(frozen=True, kw_only=True)
class FamilyRun(PlannedRun):
    """One family with one seed, or on the random split."""

    evaluated = METRICS
    plan: Plan
    random: bool = False

    def validation_scores(self) -> list[float]:
        return [] if self.random else super().validation_scores()


def plan(
    families: Sequence[str] = (),
    preset: str = DEFAULT_PRESET,
    overrides: Sequence[str] = (),
    backbones: bool = False,
    random: bool = True,
    options: StudyOptions | None = None,
) -> Comparison:
    """Choose the families and resolve their settings.

    Without `families`, all families that need no pretrained weights take part; `backbones` adds the families
    that use a pretrained network, if it can be used here (`left_out` says why others cannot). A model setting
    goes to the families that have it; `model.lstm.hidden=64` goes to `lstm` alone. Raises `SettingsError` if
    a family does not exist, or if no family of the comparison has a setting.
    """
    options = options or StudyOptions()
    named = list(dict.fromkeys(families))
    chosen = named or [n for n in sorted(models.CLASSIFIERS) if backbones or not models.family(n).licence]
    split = {"folds": options.n_folds}
    resolved = {name: resolve_shared(preset, overrides, name, split=split) for name in chosen}
    known = {name: set(models.hyperparameters(name)) for name in chosen}
    _check_model_settings(resolved, known)
    settings, left_out = {}, {}
    for name, given in resolved.items():
        if given.split.by == "clip":
            raise SettingsError(
                "setting split.by = 'clip': a comparison splits by recording group",
                "leave this setting out; each family is also trained on a random split of clips",
            )
        own = {k: v for k, v in given.model.items() if k in known[name]}
        models.check_chosen(name, own)
        settings[name] = given.model_copy(update={"model": own})
        if not named and models.family(name).licence:
            try:
                check_usable(name, settings[name])
            except SettingsError as error:
                left_out[name] = str(error)
                del settings[name]
    return Comparison(settings, options, random, left_out)


def _check_model_settings(resolved: Mapping[str, Settings], known: Mapping[str, set[str]]) -> None:
    """Raises `SettingsError` for a model setting that no family has."""
    every = set().union(*known.values())
    for key in sorted({key for settings in resolved.values() for key in settings.model}):
        if key not in every:
            raise SettingsError(
                f"setting model.{key}: none of {', '.join(resolved)} has it",
                f"their settings are: {', '.join(sorted(every))}",
            )


def check_usable(family: str, settings: Settings) -> None:
    """Raises `SettingsError` if a package or file that the family needs is missing."""
    spec = playback.resolved(settings.features, ())  # any speeds will do
    model = models.create(family, spec, 2, **settings.model)
    front_end = Extractor.for_model(model).front_end
    silence = np.zeros((1, sum(spec.windows_per_speed) * spec.clip_samples), dtype=np.float32)
    with torch.inference_mode():
        model.eval().embed(front_end.batch(front_end(silence)))


def planned_runs(comparison: Comparison, out: Path) -> tuple[FamilyRun, ...]:
    """All runs, seed by seed so that first results come early, then the runs on the random split."""
    options = comparison.options
    runs = []
    for seed in options.seeds:
        for family, settings in comparison.settings.items():
            split = settings.split.model_copy(update={"seed": seed})
            runs.append(_run(family, settings, split, seed, options, out))
    if comparison.random:
        split = SplitSettings(by="clip", fractions=RANDOM_FRACTIONS, seed=options.seeds[0])
        for family, settings in comparison.settings.items():
            runs.append(_run(family, settings, split, options.seeds[0], options, out))
    return tuple(runs)


def _run(
    family: str, settings: Settings, split: SplitSettings, seed: int, options: StudyOptions, out: Path
) -> FamilyRun:
    random = split.by == "clip"
    return FamilyRun(
        candidate=family,
        name=f"{family}, {'random split' if random else f'seed {seed}'}",
        folder=out / RUNS / f"{family}-{'random' if random else f'seed{seed}'}",
        n_parts=split.folds or 1,
        plan=Plan(
            family, settings.model_copy(update={"split": split}), seed, options.device, options.command
        ),
        random=random,
    )


def data_of(run: FamilyRun, dataset: Dataset) -> Dataset:
    """The clips of a run; a random split is drawn even if the labels define a split."""
    return dataset.without_split_column() if run.random else dataset
