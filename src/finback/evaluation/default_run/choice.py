"""The choice of a family within the training part of each fold, from recording groups that were left out.

A head that is fitted in closed form is cross-fitted for its calibration: each group of its training part is
left out once (`training/calibrate.py`). The probabilities of the true species there, in `left_out.json`,
judge the family: its loss is the mean of -log(probability) over the clips. The test groups of the fold take
no part (nested cross-validation: Varma & Simon 2006, BMC Bioinformatics 7:91). A logarithm is used and not
the share of right answers, because it also sees how sure an answer is, and so needs fewer clips.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from finback.core.errors import RunError
from finback.core.progress import Log, Progress, prefixed
from finback.core.runs.documents import Document, read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.left_out import load_left_out
from finback.core.storage.files import write_json
from finback.data.dataset import Dataset
from finback.data.splits.settings import SplitResult, SplitSettings
from finback.evaluation.cost import in_words
from finback.evaluation.study import FAILURES, one_line
from finback.training.classifier import train_part
from finback.training.plan import Plan
from finback.training.settings import Settings

# Heads in closed form on features that every installation has. Each is fitted in seconds, has no number of
# epochs to choose, and leaves all groups of its training part out in turn. yamnet-mix is not among them: it
# takes ten times as long as yamnet-plda, and its gain over it is within its interval (decision 56).
FAMILIES = ("mfcc-plda", "mfcc-mix", "yamnet-plda")
FIRST = "yamnet-plda"  # where no group can be left out, so that nothing can be chosen
LEAST = 1e-6  # probability; those of `left_out.json` are rounded down to multiples of it


class ChoiceFile(Document):
    """`choice.json`: what was compared on which clips, and what came out; `family` is "" until then."""

    families: list[str]
    seed: int
    split: dict[str, Any]
    data_fingerprint: str
    losses: dict[str, list[float | None]] = Field(default_factory=dict)
    folds: list[str] = Field(default_factory=list)
    family: str = ""
    errors: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class DefaultPlan:
    """Everything that a run without a family was told: settings by family, seed, device."""

    settings_of: Callable[[str], Settings]
    seed: int = 0
    device: str = "auto"
    command: str = ""
    families: tuple[str, ...] = FAMILIES
    folds: int = 5

    def plan(self, family: str, split: SplitSettings, gate: bool) -> Plan:
        """The training of one family; without the gate, which changes no figure of the folds."""
        settings = self.settings_of(family)
        changes: dict[str, Any] = {"split": split}
        if not gate:
            changes["unknown"] = settings.unknown.model_copy(update={"method": "none"})
        return Plan(family, settings.model_copy(update=changes), self.seed, self.device, self.command)


@dataclass(frozen=True)
class Choice:
    """The family of each fold and of the final model, and the mean loss of every family in every fold."""

    folds: tuple[str, ...]
    family: str
    losses: Mapping[str, tuple[float | None, ...]]
    errors: Mapping[str, str]

    def line(self) -> str:
        """ "family: yamnet-plda (mean loss 1.21; mfcc-plda 1.63 ...)"."""
        means = {name: mean_of(row) for name, row in self.losses.items()}
        others = [f"{n} {m:.2f}" for n, m in means.items() if n != self.family and m is not None]
        own = means.get(self.family)
        if own is None:
            return f"family: {self.family}; no group could be left out, so nothing was compared"
        rest = f"; {', '.join(others)}" if others else ""
        return f"family: {self.family}, with the least loss on groups left out in training ({own:.2f}{rest})"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `choice.json`, and for the JSON of the command."""
        return {
            "family": self.family,
            "folds": list(self.folds),
            "losses": {name: list(row) for name, row in self.losses.items()},
            "errors": dict(self.errors),
        }


def begin(out: Path, plan: DefaultPlan, dataset: Dataset, split: SplitSettings) -> None:
    """Write `choice.json`, or check that the folder holds the same. Raises `RunError` where it does not.

    Settings of the families are compared when their trainings begin or go on.
    """
    path = RunFiles(out).choice
    wanted = {
        "families": list(plan.families),
        "seed": plan.seed,
        "split": split.model_dump(mode="json"),
        "data_fingerprint": dataset.fingerprint,
    }
    if path.is_file():
        held = read_document(path, ChoiceFile)
        if changed := [name for name, value in wanted.items() if held.get(name) != value]:
            raise RunError(f"{out}: holds another run ({', '.join(changed)} changed)", "give another --out")
        return
    if RunFiles(out).run_json.is_file():
        raise RunError(
            f"{out}: holds another run (family {RunFolder.open(out).info.family} -> auto)",
            "give another --out",
        )
    write_json(path, wanted)


def choose(
    plan: DefaultPlan,
    dataset: Dataset,
    results: Sequence[SplitResult],
    split: SplitSettings,
    out: Path,
    progress: Progress,
    log: Log,
) -> Choice:
    """Train every family on the training part of every fold, and choose. Finished trainings are read."""
    losses: dict[str, list[float | None]] = {family: [] for family in plan.families}
    errors: dict[str, str] = {}
    started = time.monotonic()
    for k, result in enumerate(results):
        for family in plan.families:
            folder = part(out, family, k)
            named = prefixed(progress, f"{family}, fold {k + 1} of {len(results)}: ")
            try:
                if family not in errors:
                    train_part(plan.plan(family, split, gate=False), dataset, result, k, folder, named)
            except FAILURES as error:
                errors[family] = one_line(error)
                log(f"{family}: failed, and is left out: {errors[family]}")
            losses[family].append(None if family in errors else loss_of(folder))
        if k + 1 < len(results):
            left = (time.monotonic() - started) / (k + 1) * (len(results) - k - 1)
            log(f"fold {k + 1} of {len(results)} is done; at most about {in_words(left)} more for the others")
    if len(errors) == len(plan.families):
        raise RunError(f"{out}: no family could be trained ({next(iter(errors.values()))})", "see the first")
    working = [family for family in plan.families if family not in errors]
    folds = tuple(best({f: losses[f][k] for f in working}) for k in range(len(results)))
    family = best({f: mean_of(losses[f]) for f in working})
    choice = Choice(folds, family, {f: tuple(losses[f]) for f in working}, errors)
    path = RunFiles(out).choice
    write_json(path, {**read_document(path, ChoiceFile), **choice.to_json()})
    return choice


def part(out: Path, family: str, fold: int) -> Path:
    """The folder of one family in one fold."""
    return RunFiles(out).choices / family / str(fold)


def loss_of(run: Path) -> float | None:
    """The mean of -log(probability of the true species) over clips of groups left out; None without any."""
    path = RunFiles(run).left_out
    true = [p for group in load_left_out(path).values() for p in group] if path.is_file() else []
    return sum(-math.log(max(p, LEAST)) for p in true) / len(true) if true else None


def mean_of(losses: Sequence[float | None]) -> float | None:
    """The mean over the folds in which there is a loss."""
    known = [loss for loss in losses if loss is not None]
    return sum(known) / len(known) if known else None


def best(losses: Mapping[str, float | None]) -> str:
    """The family with the least loss; of equal ones, the first."""
    known = {family: loss for family, loss in losses.items() if loss is not None}
    if not known:
        return FIRST if FIRST in losses else next(iter(losses))
    return min(known, key=lambda family: known[family])


def stored(out: Path) -> Choice | None:
    """The choice that a finished run made; None before it."""
    path = RunFiles(out).choice
    held = read_document(path, ChoiceFile) if path.is_file() else {}
    if not held.get("family"):
        return None
    losses = {name: tuple(row) for name, row in held["losses"].items()}
    return Choice(tuple(held["folds"]), held["family"], losses, held["errors"])
