"""Training, validation and test sets of whole recording groups (a tape, a deployment, a site-day).

- `make_split` makes one split, with 70/15/15 % of the clips or the shares that the settings give. A
  deterministic search places whole groups so that every species comes close to these shares (`balance`).
- `make_folds` makes k splits for cross-validation. Each clip that can be tested is in exactly one test set.

Both report the numbers of clips and groups in each set (`balance`), the species that cannot be tested and why
(`untestable`), and warnings that also go into the report (`warnings`).

The number of groups of a species decides in which sets the species is:
- one group: all clips stay in the training set, and the species is not tested. If another species needs this
  group in its validation or test set, the clips are set aside, because a model that is trained on them would
  know the group;
- two groups: one in the training set, one in the test set;
- three groups or more: every set.
A species without a group in training is never tested. `by="clip"` ignores the groups and adds a warning: the
accuracy then shows how well a model recognises groups, not species.

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
    """One split of labelled clips. Raises `SplitError` without clips, or when a clip has no species."""
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
    """The set (N,) of each clip, drawn within each species without regard to groups.

    Every set gets a clip of each species that has enough clips. Also returns why species cannot be tested."""
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
        for k in (TRAIN, TEST, VAL):  # in order of need, for a species with enough clips
            if wanted[k] > 0 and counts[k] == 0 and counts.max() > 1:
                counts[np.argmax(counts)] -= 1
                counts[k] += 1
        if len(mine) == 1:
            counts = np.array([1, 0, 0])
            cannot[name] = "it has a single clip, which is only used for training"
        subsets[mine] = np.repeat([TRAIN, VAL, TEST], counts)
    return subsets, cannot


def from_column(
    clips: Sequence[Clip], names: Sequence[str], by: Literal["group", "clip"] = "group"
) -> SplitResult:
    """The split that the label table gives: the name of a set for each clip, or "" for no set.

    Raises `ManifestError` for an unknown name, `LeakError` for a group in two sets unless `by="clip"`, and
    `SplitError` when the training set is empty.
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
                "generated sound may only be used for training: mark the row train",
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
