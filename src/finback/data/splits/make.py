"""The splits that the settings ask for: one split, one for each fold, or the split that the labels give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finback.core.types import SUBSETS, Clip
from finback.data.manifest import ModelProvenance
from finback.data.provenance import refuse_leaks
from finback.data.splits.settings import SplitResult, SplitSettings
from finback.data.splits.split import from_column, make_folds, make_split


def splits_of(
    clips: Sequence[Clip],
    subset_of: Sequence[str] | None,
    split: SplitSettings,
    provenance: Sequence[ModelProvenance] = (),
    fold_of: Mapping[str, int] | None = None,
) -> list[SplitResult]:
    """The splits that the settings ask for: one split, a split for each fold, or the split of `subset_of`.

    `subset_of` is the `split` column of the labels (None without one); `fold_of` gives the fold in which each
    group is tested (None: the folds are drawn).

    Synthetic clips join the training set after the real clips are split. Raises `LeakError` where a model of
    `provenance` was trained on a group that a split validates or tests with.
    """
    if split.folds:
        results = make_folds(clips, split, fold_of)
    elif subset_of is not None and any(subset_of):
        results = [from_column(clips, subset_of, split.by)]
    else:
        results = [make_split(clips, split)]
    for result in results:
        refuse_leaks(result.split, provenance)
    return results


def describe_split(result: SplitResult) -> dict[str, Any]:
    """Plain values for run.json and `finback split --json`."""
    clips = {name: len(result.split.subset(name)) for name in SUBSETS}
    least = result.balance.least_trained
    return {
        "by": result.split.by,
        "clips": {**clips, "set_aside": len(result.split.set_aside)},
        "synthetic": sum(c.synthetic for c in result.split.train),
        "warnings": list(result.warnings),
        "untestable": result.untestable,
        "least_trained": None
        if least is None
        else dict(zip(("species", "train", "clips"), least, strict=True)),
    }
