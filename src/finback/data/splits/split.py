"""Train, validation and test sides made of whole groups, and grouped cross-validation.

`make_split` gives 70/15/15 (or what is asked), stratified by species, by a deterministic search over whole
groups (`balance`); `make_folds` gives k splits whose test sides together hold every clip that can be tested
once. Both say what came out (`balance`), what cannot be tested and why (`untestable`), and what the
user must know (`warnings`, which stay in the report).

The rules, by how many groups a species has:
- one: all its clips stay in training and it is never judged. Where its tape is needed on another side for
  the other species on it, its clips are set aside: training on them would show the model that tape;
- two: one in training, one in test;
- three or more: every side.
A species is never judged without a group in training. `by="clip"` ignores groups, and says so in a warning:
its figures measure how well tapes are recognised, not species.

The result depends on the clips and the seed, not on the order in which the clips are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from finback.core.errors import LeakError, ManifestError, SplitError
from finback.core.types import Clip
from finback.data.splits.balance import TEST, TRAIN, VAL, assign
from finback.data.splits.folds import make_folds
from finback.data.splits.settings import (
    ASIDE,
    BY_CLIP,
    SplitResult,
    SplitSettings,
    Table,
    empty_subsets,
    keep_trained,
    parse_fractions,
    untestable,
)

__all__ = [
    "SplitResult",
    "SplitSettings",
    "from_column",
    "make_folds",
    "make_split",
    "parse_fractions",
]

SUBSET_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validation": VAL,
    "dev": VAL,
    "test": TEST,
    "testing": TEST,
    "": ASIDE,
}


def make_split(clips: Sequence[Clip], settings: SplitSettings | None = None) -> SplitResult:
    """One split of labelled clips. Raises `SplitError` when there are none, or when one has no species."""
    settings = settings or SplitSettings()
    table = Table.of(clips)
    synthetic = [c for c in clips if c.synthetic]
    if settings.by == "clip":
        subsets, cannot = _by_clip(table, settings)
        warnings = [BY_CLIP]
    else:
        counts = table.counts
        group_subsets = keep_trained(assign(counts, settings.fractions, settings.seed), counts)
        single = (counts > 0).sum(axis=0) == 1
        subsets = group_subsets[table.group]
        subsets = np.where(single[table.label] & (subsets != TRAIN), ASIDE, subsets)
        cannot = untestable(table, subsets, settings.fractions[TEST] > 0)
        warnings = []
    warnings += empty_subsets(subsets, settings.fractions)
    return SplitResult(
        table.split(subsets, synthetic, settings.by), table.balance(subsets), tuple(warnings), cannot
    )


def _by_clip(table: Table, settings: SplitSettings) -> tuple[np.ndarray, dict[str, str]]:
    """Sides (N,) by drawing clips within each species, groups ignored; every side gets one where it can."""
    rng = np.random.default_rng(settings.seed)
    wanted = np.array(settings.fractions)
    subsets = np.zeros(len(table.clips), dtype=np.int64)
    cannot = {}
    for s, name in enumerate(table.species):
        mine = rng.permutation(np.flatnonzero(table.label == s))
        quota = wanted * len(mine)
        counts = np.floor(quota).astype(int)
        for k in np.argsort(-(quota - counts), kind="stable")[: len(mine) - counts.sum()]:
            counts[k] += 1
        for k in (TRAIN, TEST, VAL):  # in order of need, where there are clips enough
            if wanted[k] > 0 and counts[k] == 0 and counts.max() > 1:
                counts[np.argmax(counts)] -= 1
                counts[k] += 1
        if len(mine) == 1:
            counts = np.array([1, 0, 0])
            cannot[name] = "it has a single clip; trained on only"
        subsets[mine] = np.repeat([TRAIN, VAL, TEST], counts)
    return subsets, cannot


def from_column(
    clips: Sequence[Clip], names: Sequence[str], by: Literal["group", "clip"] = "group"
) -> SplitResult:
    """The split that the label table itself gives: a side for each clip, "" for none.

    Raises `ManifestError` for a side of another name, `LeakError` for a group on two sides unless
    `by="clip"`, `SplitError` when nothing is left to train on.
    """
    words = [name.strip().lower() for name in names]
    if len(clips) != len(words):
        raise ManifestError(f"{len(words)} sets for {len(clips)} clips", "give a set for every clip")
    unknown = sorted(set(words) - set(SUBSET_NAMES))
    if unknown:
        raise ManifestError(f"column 'split': unknown set '{unknown[0]}'", "use train, val or test")
    table = Table.of(clips)
    for clip, word in zip(clips, words, strict=True):
        if clip.synthetic and SUBSET_NAMES[word] in (VAL, TEST):
            raise LeakError(
                f"column 'split': {clip.recording.path.name} is synthetic and in the {word} set",
                "generated sound may only be trained on: mark it train",
            )
    chosen = {id(clip): SUBSET_NAMES[word] for clip, word in zip(clips, words, strict=True)}
    subsets = np.array([chosen[id(clip)] for clip in table.clips])
    if not (subsets == TRAIN).any():
        raise SplitError("column 'split' puts no clip in training", "mark some rows train")
    warnings = [BY_CLIP] if by == "clip" else []
    trained = set(table.label[subsets == TRAIN].tolist())
    for s in sorted(set(table.label[subsets == TEST].tolist()) - trained):
        warnings.append(
            f"{table.species[s]} is in the test set but not in the training set: a model cannot recognise it"
        )
    split = table.split(subsets, [c for c in clips if c.synthetic], by)
    return SplitResult(split, table.balance(subsets), tuple(warnings), untestable(table, subsets, False))
