"""The splits that the settings ask for: one, one for each fold, or the table's own `split` column."""

from __future__ import annotations

from typing import Any

from finback.data.manifest import Manifest
from finback.data.provenance import refuse_leaks
from finback.data.rare import RareSettings, treated
from finback.data.splits.settings import SplitResult, SplitSettings
from finback.data.splits.split import from_column, make_folds, make_split


def make_splits(manifest: Manifest, split: SplitSettings, rare: RareSettings) -> list[SplitResult]:
    """The splits that the settings ask for: one, or one per fold, or the table's own `split` column.

    Rare species are treated first. Synthetic clips join training after the real ones were split. Raises
    `LeakError` where their generator was trained on a group that a split tests by.
    """
    manifest = treated(manifest, rare)
    if split.folds:
        results = make_folds(manifest.clips, split)
    elif manifest.side_of is not None and any(manifest.side_of):
        results = [from_column(manifest.clips, manifest.side_of, split.by)]
    else:
        results = [make_split(manifest.clips, split)]
    for result in results:
        refuse_leaks(result.split, manifest.provenance)
    return results


def describe_split(result: SplitResult) -> dict[str, Any]:
    """Plain values for run.json and `finback split --json`."""
    sides = {side: len(result.split.side(side)) for side in ("train", "val", "test")}
    return {
        "by": result.split.by,
        "clips": {**sides, "set_aside": len(result.split.set_aside)},
        "synthetic": sum(c.synthetic for c in result.split.train),
        "warnings": list(result.warnings),
        "untestable": result.untestable,
    }
