"""Sets of species of a trained run: "one of these two, 90 %", of tapes that it was not trained on.

    sets = SpeciesSets.of_run(run, 0.9)
    sets.of(probabilities)               # ("Killer Whale", "Fin Whale")

The sets are over the species of the run, given that the sound is a call of one of them. The rule is in
`finback.metrics.conformal`, and the numbers come from `left_out.json` of the run and its folds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.left_out import load_left_out
from finback.core.types import Labels
from finback.metrics.conformal import least_groups, least_probability, species_sets


class NoSets(RunError):
    """A run that cannot give sets of species at a level, though nothing is wrong with it."""


@dataclass(frozen=True)
class SpeciesSet:
    """The species that a sound may be, in falling order of probability, and the promised coverage."""

    level: float
    species: tuple[str, ...]


@dataclass(frozen=True)
class SpeciesSets:
    """The rule of one run: species with a probability of at least `least` are in the set."""

    labels: Labels
    level: float
    least: float
    n_groups: int  # that were left out

    @classmethod
    def of_run(cls, run: RunFolder, level: float) -> SpeciesSets:
        """The rule at a level in (0, 1).

        Raises `NoSets` for a run without left-out groups, or with too few of them for the level, and
        `RunError` where `left_out.json` is damaged.
        """
        true: dict[str, list[float]] = defaultdict(list)
        for part in run.parts:
            if not part.left_out.is_file():
                raise NoSets(
                    f"{run.path}: holds no probabilities of groups that were left out ({part.left_out.name})",
                    "train the run again with this version to get sets of species",
                )
            for group, probabilities in load_left_out(part.left_out).items():
                true[group] += probabilities
        if len(true) < least_groups(level):
            raise NoSets(
                f"{run.path}: sets at {level:g} need {least_groups(level)} recording groups that were left "
                f"out in training, and the run has {len(true)}",
                _fewer(len(true)),
            )
        least = least_probability([np.array(p) for p in true.values()], level)
        return cls(Labels(run.info.labels), level, least, len(true))

    def of(self, probabilities: np.ndarray) -> SpeciesSet:
        """The set for probabilities (K,) of the species."""
        inside = species_sets(probabilities[None], self.least)[0]
        order = np.argsort(-probabilities, kind="stable")
        return SpeciesSet(self.level, tuple(self.labels.names[k] for k in order if inside[k]))


def _fewer(n_groups: int) -> str:
    """What to do about too few groups: a level that they can promise, or more groups."""
    more = "train on more groups; families with a fitted head, such as birdnet, leave all of theirs out"
    highest = math.floor(100 * n_groups / (n_groups + 1)) / 100
    return f"take {highest:g} or less, or {more}" if highest >= 0.5 else more
