"""Who takes part in a comparison, and with which settings: the list of run folders to be made.

A family's settings are the preset's and the family's own; a model setting given by hand goes to the families
that have it. Every family of a seed gets the same split settings, and so the same folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.core.settings import DEFAULT_PRESET
from finback.data.dataset import Dataset
from finback.data.splits.split import SplitSettings
from finback.features.extract import Extractor
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve

RUNS = "runs"
# What one family can run into: a loss that diverges, a shape torch refuses, an estimator's complaint. All
# else (no memory, a lost disk, an interrupt) would stop the others as well, and ends the comparison.
RANDOM_FRACTIONS = (0.65, 0.15, 0.2)  # with the refit, 80 % are trained on and 20 % tested


@dataclass(frozen=True)
class Comparison:
    """What to compare and how; everything that is not data."""

    settings: Mapping[str, Settings]  # by family
    seeds: tuple[int, ...] = (0,)
    random: bool = True
    device: str = "auto"
    command: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)  # backbones that cannot be used here, and why


@dataclass(frozen=True)
class Entry:
    """One run folder of a comparison."""

    plan: Plan
    folder: Path
    random: bool = False

    @property
    def name(self) -> str:
        return f"{self.plan.family}, {'random split' if self.random else f'seed {self.plan.seed}'}"

    @property
    def n_parts(self) -> int:
        return self.plan.settings.split.folds or 1

    def parts_done(self) -> list[RunInfo]:
        """Each fold that is trained; the run itself if it has none."""
        run = RunFolder(self.folder)
        if not run.run_json.exists():
            return []
        return [part.info for part in run.parts if part.is_trained]

    @property
    def is_done(self) -> bool:
        run = RunFolder(self.folder)
        return run.is_trained and run.metrics.exists()

    @property
    def spent_s(self) -> float:
        run = RunFolder(self.folder)
        return (run.info.training_s or 0.0) if run.run_json.exists() else 0.0


def plan(
    families: Sequence[str] = (),
    preset: str = DEFAULT_PRESET,
    overrides: Sequence[str] = (),
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    backbones: bool = False,
    **other: Any,
) -> Comparison:
    """Settle families and settings; `other` goes to `Comparison`.

    No families named means all that learn from these clips alone; `backbones` adds those that stand on a
    pretrained network, as far as they can be used here (`left_out` says why others cannot). A model setting
    goes to the families that have it; `model.lstm.hidden=64` to that one alone. Raises `SettingsError` on a
    family that is not there or a setting that no family of the comparison has.
    """
    named = list(dict.fromkeys(families))
    chosen = named or [n for n in sorted(models.CLASSIFIERS) if backbones or not models.family(n).licence]
    shared = {name: resolve(preset, overrides, name, split={"folds": folds}) for name in chosen}
    has = {name: set(models.hyperparameters(name)) for name in chosen}
    for key in sorted({key for its in shared.values() for key in its.model}):
        if not any(key in keys for keys in has.values()):
            of, known = ", ".join(chosen), ", ".join(sorted(set().union(*has.values())))
            raise SettingsError(f"setting model.{key}: none of {of} has it", f"they have: {known}")
    settings, left_out = {}, {}
    for name, its in shared.items():
        if its.split.by == "clip":
            raise SettingsError(
                "setting split.by = 'clip': a comparison keeps tapes apart",
                "leave it out; a random split stands beside it anyway",
            )
        kept = {k: v for k, v in its.model.items() if k in has[name]}
        settings[name] = its.model_copy(update={"model": kept})
        if not named and models.family(name).licence:
            try:
                check_usable(name, settings[name])
            except SettingsError as error:
                left_out[name] = str(error)
                del settings[name]
    return Comparison(settings, tuple(seeds), left_out=left_out, **other)


def check_usable(family: str, settings: Settings) -> None:
    """Raises `SettingsError` when a package or file that the family stands on is not here."""
    model = models.create(family, settings.features, 2, **settings.model)
    front_end = Extractor.for_model(model).front_end
    silence = np.zeros((1, settings.features.clip_samples), dtype=np.float32)
    with torch.inference_mode():
        model.eval().embed(front_end.batch(front_end(silence)))


def entries(job: Comparison, out: Path) -> tuple[Entry, ...]:
    """All runs, seed by seed so that a first answer comes early, then those on the random split."""
    found = []
    for seed in job.seeds:
        for family, settings in job.settings.items():
            split = settings.split.model_copy(update={"seed": seed})
            its = settings.model_copy(update={"split": split})
            made = Plan(family, its, seed, job.device, job.command)
            found.append(Entry(made, out / RUNS / f"{family}-seed{seed}"))
    if job.random:
        split = SplitSettings(by="clip", fractions=RANDOM_FRACTIONS, seed=job.seeds[0])
        for family, settings in job.settings.items():
            its = settings.model_copy(update={"split": split})
            made = Plan(family, its, job.seeds[0], job.device, job.command)
            found.append(Entry(made, out / RUNS / f"{family}-random", random=True))
    return tuple(found)


def data_of(entry: Entry, dataset: Dataset) -> Dataset:
    """A random split is drawn even where the labels give one."""
    return dataset.without_split_column() if entry.random else dataset
