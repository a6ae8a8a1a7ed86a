"""The generators of benchmarks/generators.py: twins that were not trained on the tapes they are tested on.

A twin has the family and the settings of a generator, and is trained on the training side of one split of
`watkins_all` by tape (seed 0). Nothing is chosen by this split. Twins are in a folder each; one that is there
is not trained again, and an interrupted training goes on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import recordings

from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.core.types import Clip, Labels
from finback.data.dataset import Dataset, prepare_request
from finback.data.splits.settings import SplitSettings
from finback.models import GENERATORS, pretrained
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve

FAMILIES = ("stationary-gaussian", "diffusion", "calls")
BUNDLED = "bundled"
NAMES = (*FAMILIES, BUNDLED)
SPLIT = SplitSettings(by="group", fractions=(0.7, 0.15, 0.15), seed=0)
LEFT_OUT = 5  # species with five clips of tapes that a bundled generator left out: it needs no twin
# Settings that do not change what a generator is.
SAME = ("split", "rare")


@dataclass(frozen=True)
class Sides:
    """Clips to train on, clips of unseen tapes, and the species."""

    train: tuple[Clip, ...]
    unseen: tuple[Clip, ...]
    labels: Labels


@dataclass(frozen=True)
class Twin:
    """A generator that was trained on the clips of one side only."""

    folder: Path
    sides: Sides
    about: str


def dataset() -> Dataset:
    """The labelled clips, prepared as every training does."""
    return prepare_request(recordings.request()[0])


def twin(name: str, data: Dataset, runs: Path, stored: bool) -> Twin | None:
    """The twin of a generator of `NAMES`, trained if needed; None, with a line on stderr, without one.

    `stored`: only twins whose training is finished.
    """
    if name == BUNDLED:
        if "watkins" not in pretrained.names("generator"):
            return _left_out(name, "this build of finback has no bundled generator")
        run = RunFolder.open(pretrained.resolve("watkins", "generator"))
        if (sides := _own_sides(run, data)) is not None:
            return Twin(run.path, sides, f"{run.info.family} as it is bundled, on tapes that it left out")
        return _trained(name, run.info.family, _settings_of(run), data, runs, stored)
    if name not in GENERATORS:
        return _left_out(name, "no family of this name")
    return _trained(name, name, resolve(family=name), data, runs, stored)


def _left_out(name: str, why: str) -> None:
    print(f"{name}: left out, {why}", file=sys.stderr)


def _trained(
    name: str, family: str, settings: Settings, data: Dataset, runs: Path, stored: bool
) -> Twin | None:
    settings = settings.model_copy(update={"split": SPLIT})
    split = data.make_splits(SPLIT)[0].split
    folder = _same(family, settings, runs) or _bundled(family, settings, data) or runs / name
    if stored and not RunFolder(folder).is_trained:
        return _left_out(name, f"its twin is not trained; without --stored, {folder} is trained")
    if not RunFolder(folder).is_trained:
        print(f"training {family} in {folder}", file=sys.stderr)
        plan = Plan(family, settings, 0, "auto", "benchmarks/generators.py")
        train_generator(plan, data, folder, no_progress, split)
    sides = Sides(split.train, (*split.val, *split.test), Labels.of(data.clips))
    return Twin(folder, sides, f"{family}, trained on the training side of the split")


def _settings_of(run: RunFolder) -> Settings:
    """The settings of a run. What a newer finback added has the value that the run was trained with."""
    known = {key: value for key, value in run.info.settings.items() if key in Settings.model_fields}
    return build(Settings, known)


def _same(family: str, settings: Settings, runs: Path) -> Path | None:
    """The folder of a finished twin of this family with the same settings."""
    wanted = settings.model_dump(mode="json", exclude=set(SAME))
    for path in sorted(runs.glob("*/run.json")):
        run = RunFolder(path.parent)
        if run.is_trained and run.info.family == family:
            own = _settings_of(run).model_dump(mode="json", exclude=set(SAME))
            if own == wanted and _settings_of(run).split == SPLIT:
                return run.path
    return None


def _bundled(family: str, settings: Settings, data: Dataset) -> Path | None:
    """The folder of a bundled generator that is such a twin, trained on the same clips."""
    for name in pretrained.names("generator"):
        path = pretrained.resolve(name, "generator")
        same = RunFolder(path).info.data_fingerprint == data.fingerprint
        if same and (found := _same(family, settings, path.parent)) is not None:
            return found
    return None


def _own_sides(run: RunFolder, data: Dataset) -> Sides | None:
    """The sides of a generator that left tapes out; None where it left too few."""
    rows = run.training_rows(include_validation=False)
    keys, tapes = {row.key for row in rows}, {row.group for row in rows}
    train = tuple(c for c in data.clips if c.key in keys)
    tapes |= {c.group_key for c in train}
    unseen = tuple(c for c in data.clips if c.label in run.info.labels and c.group_key not in tapes)
    counts = [sum(c.label == name for c in unseen) for name in run.info.labels]
    if sum(n >= LEFT_OUT for n in counts) < LEFT_OUT:
        return None
    return Sides(train, unseen, Labels(tuple(run.info.labels)))
