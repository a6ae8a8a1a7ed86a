"""What a training would do, before it does it: clips, species, groups, the split, and the time to expect.

    forecast(plan, request, out).lines()              # one family
    forecast_default(default_plan, request, out)      # a run that chooses its family

The recordings are read and a few steps of the training are timed (`cost`); nothing is written into `out`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback import models
from finback.core.progress import Progress, no_progress
from finback.core.text import counted
from finback.data.audit.duplicates import find
from finback.data.dataset import Dataset, prepare, prepare_request
from finback.data.index import IndexRequest, index
from finback.data.splits.settings import SplitResult, SplitSettings
from finback.evaluation.cost import in_words, measure, measure_generator
from finback.evaluation.default_run.choice import DefaultPlan
from finback.evaluation.default_run.run import usual_split
from finback.evaluation.default_run.species import with_enough
from finback.generation.generator import Sampling
from finback.training.classifier import check_out
from finback.training.plan import Plan, with_speeds
from finback.training.settings import Settings

NAMED = 6  # species in a line


@dataclass(frozen=True)
class Forecast:
    """The data, their split and the time of a training."""

    families: tuple[str, ...]  # several: one of them will be chosen
    out: Path
    dataset: Dataset
    results: tuple[SplitResult, ...]
    reading_s: float  # that it took to read the clips, just now
    training_s: float | None  # at most; None: cannot be measured
    settings: Mapping[str, Settings]
    left_out: Mapping[str, int]  # species with too few clips, and their clips

    @property
    def untestable(self) -> list[str]:
        """Species that are in no test set."""
        return untested(self.dataset, self.results)

    def lines(self) -> list[str]:
        """The forecast in words."""
        lines = data_lines(self.dataset, self.results, tuple(self.left_out))
        several = len(self.families) > 1
        lines.append(f"{'one of the families' if several else 'family'}: {', '.join(self.families)}")
        lines.append(f"time: {self._time()}")
        lines.append(f"nothing was written into {self.out}; --json shows all settings")
        return lines

    def _time(self) -> str:
        reading = f"{in_words(self.reading_s)} to read the clips"
        if self.training_s is None:
            return f"{reading}, as just now; the time of training was not measured"
        whole = in_words(self.reading_s + self.training_s)
        return (
            f"about {whole}: {reading}, as just now, and at most {in_words(self.training_s)} to train and to "
            "test, estimated from a few steps on this machine; audit and report are not counted"
        )

    def to_json(self) -> dict[str, Any]:
        """What `--dry-run --json` prints."""
        shown = {name: own.model_dump(mode="json") for name, own in self.settings.items()}
        one = len(self.families) == 1
        return {
            "out": str(self.out),
            "family": self.families[0] if one else "auto",
            "settings": shown[self.families[0]] if one else shown,
            "n_clips": len(self.dataset.clips),
            "species": list(self.dataset.labels.names),
            "n_groups": self.dataset.n_groups,
            "splits": [sizes(result) for result in self.results],
            "untestable": self.untestable,
            "left_out": dict(self.left_out),
            "reading_s": round(self.reading_s, 1),
            "training_s": None if self.training_s is None else round(self.training_s, 1),
        }


def forecast(plan: Plan, request: IndexRequest, out: Path, progress: Progress = no_progress) -> Forecast:
    """The forecast of one training. Raises what the training would raise for its data and settings."""
    started = time.monotonic()
    dataset = prepare_request(request, plan.settings.rare, progress)
    reading_s = time.monotonic() - started
    plan, kind = with_speeds(plan, dataset), models.kind(plan.family)
    if kind == "classifier":
        check_out(plan, dataset, out)
    results = tuple(dataset.make_splits(plan.settings.split))
    training_s = None
    if kind == "classifier":
        training_s = _classifier_s(plan, dataset, results)
    elif kind == "generator":
        cost = measure_generator(plan, dataset, Sampling())
        training_s = cost.train_s(plan.settings.training, len(results[0].split.train))
    settings = {plan.family: plan.settings}
    return Forecast((plan.family,), out, dataset, results, reading_s, training_s, settings, {})


def forecast_default(
    plan: DefaultPlan,
    request: IndexRequest,
    out: Path,
    progress: Progress = no_progress,
    split: SplitSettings | None = None,
    keep_all: bool = False,
) -> Forecast:
    """The forecast of a run that chooses its family; the arguments are those of `default_run.run`."""
    started = time.monotonic()
    manifest = index(request, progress)
    few: dict[str, int] = {}
    if not keep_all:
        manifest, few = with_enough(manifest)
    chosen = split or usual_split(manifest, plan)
    settings = {family: plan.settings_of(family) for family in plan.families}
    rare = settings[plan.families[0]].rare
    dataset = prepare(manifest, find(manifest.clips, progress), rare)
    reading_s = time.monotonic() - started
    results = tuple(dataset.make_splits(chosen))
    training_s = 0.0
    for family in plan.families:
        own = with_speeds(plan.plan(family, chosen, gate=False), dataset)
        training_s += _classifier_s(own, dataset, results)
    return Forecast(plan.families, out, dataset, results, reading_s, training_s, settings, few)


def _classifier_s(plan: Plan, dataset: Dataset, results: Sequence[SplitResult]) -> float:
    cost = measure(plan, dataset)
    return cost.features_s + sum(cost.fold_s(plan.settings.training, result.split) for result in results)


def untested(dataset: Dataset, results: Sequence[SplitResult]) -> list[str]:
    """Species that are in no test set."""
    tested = {clip.label for result in results for clip in result.split.test}
    return sorted({clip.label for clip in dataset.clips if clip.label is not None} - tested)


def data_lines(dataset: Dataset, results: Sequence[SplitResult], left_out: Sequence[str] = ()) -> list[str]:
    """The clips, the sets of each fold, and the species that are in no test set, in words."""
    n_species = len(dataset.labels)
    clips, groups = counted(len(dataset.clips), "clip"), counted(dataset.n_groups, "recording group")
    lines = [f"data: {clips} of {n_species} species in {groups}"]
    if left_out:
        lines.append(f"left out, with too few clips to be tested: {_some(left_out)}")
    lines += [_split_line(result, len(results)) for result in results]
    if missing := untested(dataset, results):
        lines.append(f"in no test set: {len(missing)} of {n_species} species ({_some(missing)})")
    return lines


def sizes(result: SplitResult) -> dict[str, int]:
    """The number of clips in each set."""
    return {"train": len(result.split.train), "val": len(result.split.val), "test": len(result.split.test)}


def _split_line(result: SplitResult, n: int) -> str:
    n_clips = sizes(result)
    name = "split" if result.fold is None else f"fold {result.fold + 1} of {n}"
    return f"{name}: training {n_clips['train']}, validation {n_clips['val']}, test {n_clips['test']} clips"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
