"""What a split is asked for, what comes back, and the table of clips that the rules work on.

`split` and `folds` hold the rules themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from finback.core.errors import SettingsError, SplitError
from finback.core.settings import Frozen
from finback.core.types import SUBSETS, Clip, Labels, Split
from finback.data.splits.balance import TEST, TRAIN, VAL, Balance

ASIDE = 3  # beside TRAIN, VAL, TEST
BY_CLIP = (
    "split by clip: clips of one tape are on both sides, so these figures measure how well tapes are "
    "recognised, not species; do not quote them as accuracy on new recordings"
)


class SplitSettings(Frozen):
    """How to split the clips. `folds` 0 is one split with `fractions`; k >= 2 is k-fold cross-validation,
    in which the test side is a k-th and `fractions` only says how much of the rest is validation."""

    by: Literal["group", "clip"] = "group"
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15)  # train, val, test
    folds: int = Field(0, ge=0, le=100)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> SplitSettings:
        if any(f < 0 for f in self.fractions) or abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions {self.fractions} are not three shares that add up to 1")
        if self.fractions[TRAIN] == 0:
            raise ValueError("the training share is 0: there would be nothing to train on")
        if self.folds == 1:
            raise ValueError("1 fold leaves nothing to train on; take 0 (one split) or 2 and more")
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
        raise SettingsError(f"--split {text}: leaves nothing to train on", repair)
    return train / 100, val / 100, test / 100


@dataclass(frozen=True)
class SplitResult:
    """A split, how well balanced it is, and what must be said about it."""

    split: Split
    balance: Balance
    warnings: tuple[str, ...]
    untestable: dict[str, str]  # species: why
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
                f"all {len(clips)} clips are synthetic: there is nothing to judge by",
                "give real recordings as --audio and --labels, and these as --synthetic",
            )
        if not real:
            raise SplitError("there are no clips to split", "check the label table")
        unlabelled = [c for c in real if c.label is None]
        if unlabelled:
            raise SplitError(
                f"{unlabelled[0].recording.path}: a clip without a species", "label it or leave it out"
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
        """From sides (N,). Synthetic clips join training, unless their tape is judged by: then set aside."""
        parts = [[c for c, s in zip(self.clips, subsets, strict=True) if s == k] for k in range(ASIDE + 1)]
        judged = {c.group_key for k in (VAL, TEST) for c in parts[k]} if by == "group" else set()
        for clip in sorted(synthetic, key=_order):
            parts[ASIDE if clip.group_key in judged else TRAIN].append(clip)
        train, val, test, aside = (tuple(part) for part in parts)
        return Split(train, val, test, by, aside)

    def balance(self, subsets: np.ndarray) -> Balance:
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
    """Sides (G,) with groups moved to training until every species that is tested is also trained on.

    The search all but forbids it; this makes it certain. `spare_single`: a species with one group is set
    aside rather than judged, so it needs no such move.
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
                "its clips are set aside, since that group is needed to judge others"
                if aside
                else "trained on only"
            )
            reasons[name] = f"all its clips come from one group ('{only}'); {where}"
        elif has_test:
            reasons[name] = "no whole group could be spared for the test side"
    return reasons


def empty_subsets(subsets: np.ndarray, fractions: Sequence[float]) -> list[str]:
    names = [SUBSETS[k] for k in (TRAIN, VAL, TEST) if fractions[k] > 0 and not (subsets == k).any()]
    return [
        f"the {name} side is empty: too few groups; record more tapes or ask for another split"
        for name in names
    ]
