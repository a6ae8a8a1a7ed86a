"""The settings of a split, its result, and the table of clips that the rules of a split use.

The rules are in `split` and `folds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from finback.core.errors import SettingsError, SplitError
from finback.core.settings import Frozen
from finback.core.types import SUBSET_WORDS, SUBSETS, Clip, Labels, Split
from finback.data.splits.balance import TEST, TRAIN, VAL, Balance

LARGEST_SEED = 2**32 - 1
ASIDE = 3  # the clip is in no set; the others are TRAIN, VAL and TEST
BY_CLIP = (
    "split by clip: clips of one recording group (a tape, a deployment, a site-day) are in the training set "
    "and in the test set, so these figures measure how well groups are recognised, not species; do not quote "
    "them as accuracy on new recordings"
)


class SplitSettings(Frozen):
    """How to split the clips. `folds` 0 is one split with `fractions`; k >= 2 is k-fold cross-validation.

    In cross-validation, each test set is about 1/k of the clips, and `fractions` only gives the share of the
    validation set in the rest."""

    by: Literal["group", "clip"] = "group"
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15)  # train, val, test
    folds: int = Field(0, ge=0, le=100)
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _consistent(self) -> SplitSettings:
        if any(f < 0 for f in self.fractions) or abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions {self.fractions} are not three shares that add up to 1")
        if self.fractions[TRAIN] == 0:
            raise ValueError("the training share is 0: the training set would be empty")
        if self.folds == 1:
            raise ValueError("1 fold leaves the training set empty; take 0 (one split), or 2 or more")
        return self


def parse_fractions(text: str) -> tuple[float, float, float]:
    """ "85/15/0" -> (0.85, 0.15, 0.0). Raises `SettingsError` for words, negatives, a sum that is not 100."""
    repair = "write training/validation/test in percent, e.g. 70/15/15"
    try:
        train, val, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise SettingsError(f"--split {text}: not three numbers", repair) from None
    if not all(0 <= share <= 100 for share in (train, val, test)):
        raise SettingsError(f"--split {text}: a share is not between 0 and 100", repair)
    if abs(train + val + test - 100) > 1e-6:
        raise SettingsError(f"--split {text}: adds up to {train + val + test:g}, not 100", repair)
    if train == 0:
        raise SettingsError(f"--split {text}: leaves the training set empty", repair)
    return train / 100, val / 100, test / 100


@dataclass(frozen=True)
class SplitResult:
    """A split, its balance, its warnings, and the species that it cannot test."""

    split: Split
    balance: Balance
    warnings: tuple[str, ...]
    untestable: dict[str, str]  # species: reason
    fold: int | None = None  # counted from 0, in `make_folds`


@dataclass(frozen=True)
class Table:
    """Clips in canonical order with their group and species as numbers."""

    clips: tuple[Clip, ...]
    species: tuple[str, ...]
    label: np.ndarray  # (N,) index into species
    group: np.ndarray  # (N,) index of the group, groups sorted by name

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Table:
        real = tuple(sorted((c for c in clips if not c.synthetic), key=_order))
        if not real and clips:
            raise SplitError(
                f"all {len(clips)} clips are synthetic: no clip can be tested",
                "give real recordings as --audio and --labels, and the synthetic clips as --synthetic",
            )
        if not real:
            raise SplitError("there are no clips to split", "check the label table")
        unlabelled = [c for c in real if c.label is None]
        if unlabelled:
            raise SplitError(
                f"{unlabelled[0].recording.path}: a clip without a species",
                "label the clip, or leave its row out of the table",
            )
        labels = Labels.of(real)
        names = sorted({c.group_key for c in real})
        position = {name: i for i, name in enumerate(names)}
        return cls(real, labels.names, labels.targets(real), np.array([position[c.group_key] for c in real]))

    @property
    def counts(self) -> np.ndarray:
        """Clips (G, S) of each group and species."""
        counts = np.zeros((int(self.group.max()) + 1, len(self.species)), dtype=np.int64)
        np.add.at(counts, (self.group, self.label), 1)
        return counts

    def split(
        self, subsets: np.ndarray, synthetic: Sequence[Clip], by: Literal["group", "clip"] = "group"
    ) -> Split:
        """The split for the set of each clip (N,).

        Synthetic clips join the training set. A synthetic clip is set aside when its group is in the
        validation set or in the test set."""
        parts = [[c for c, s in zip(self.clips, subsets, strict=True) if s == k] for k in range(ASIDE + 1)]
        held_out = {c.group_key for k in (VAL, TEST) for c in parts[k]} if by == "group" else set()
        for clip in sorted(synthetic, key=_order):
            parts[ASIDE if clip.group_key in held_out else TRAIN].append(clip)
        train, val, test, aside = (tuple(part) for part in parts)
        return Split(train, val, test, by, aside)

    def balance(self, subsets: np.ndarray) -> Balance:
        """Numbers of clips and groups for the set of each clip (N,)."""
        n = len(self.species)
        clips, groups = np.zeros((n, 4), dtype=np.int64), np.zeros((n, 3), dtype=np.int64)
        np.add.at(clips, (self.label, subsets), 1)
        for k in (TRAIN, VAL, TEST):
            pairs = {(s, g) for s, g in zip(self.label[subsets == k], self.group[subsets == k], strict=True)}
            for s, _ in pairs:
                groups[s, k] += 1
        distinct = tuple(len(set(self.group[subsets == k].tolist())) for k in (TRAIN, VAL, TEST))
        return Balance(self.species, clips[:, :3], groups, clips[:, ASIDE], distinct)  # type: ignore[arg-type]


def _order(clip: Clip) -> tuple[object, ...]:
    return (*clip.key, clip.label or "", clip.recording.path.name)


def keep_trained(group_subsets: np.ndarray, counts: np.ndarray, spare_single: bool = True) -> np.ndarray:
    """The set (G,) of each group, with groups moved to training until every tested species is in training.

    The search gives a high cost to a species that is tested and not in training; this function excludes it.
    `spare_single`: no group is moved for a species with one group, because its clips are set aside and not
    tested. `counts` (G, S) are the clips of each group and species.
    """
    group_subsets = group_subsets.copy()
    present = counts > 0
    while True:
        trained = present[group_subsets == TRAIN].any(axis=0)
        wrong = np.flatnonzero(present.any(axis=0) & ~trained & ~(spare_single & (present.sum(axis=0) == 1)))
        if not len(wrong):
            return group_subsets
        holders = np.flatnonzero(present[:, wrong[0]])
        group_subsets[holders[np.argmin(counts[holders].sum(axis=1))]] = TRAIN


def untestable(table: Table, subsets: np.ndarray, has_test: bool) -> dict[str, str]:
    """The reason for each species that is not in the test set, from the set (N,) of each clip."""
    n_groups = (table.counts > 0).sum(axis=0)
    tested = set(table.label[subsets == TEST].tolist())
    reasons = {}
    for s, name in enumerate(table.species):
        if s in tested:
            continue
        if n_groups[s] == 1:
            only = table.clips[int(np.flatnonzero(table.label == s)[0])].group_key
            aside = bool((subsets[table.label == s] == ASIDE).any())
            where = (
                "they are set aside, because this group is needed to test other species"
                if aside
                else "they are only used for training"
            )
            reasons[name] = f"all its clips come from one group ('{only}'); {where}"
        elif has_test:
            reasons[name] = "none of its groups could be moved to the test set"
    return reasons


def empty_subsets(subsets: np.ndarray, fractions: Sequence[float]) -> list[str]:
    """A warning for each empty set whose share is above 0; `subsets` (N,) is the set of each clip."""
    names = [
        SUBSET_WORDS[SUBSETS[k]] for k in (TRAIN, VAL, TEST) if fractions[k] > 0 and not (subsets == k).any()
    ]
    return [
        f"the {name} is empty: too few groups; add recordings of more groups, or ask for another split"
        for name in names
    ]
