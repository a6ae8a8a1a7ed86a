"""Clips made by hand, for the tests of splitting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from finback.core.types import Clip, Recording, Split
from finback.data.splits.split import SplitResult


def clip(species: str | None, group: str, n: int, synthetic: bool = False, start: int = 0) -> Clip:
    """Clip number `n` is of recording number `n`."""
    recording = Recording(f"{n:016x}", Path(f"{n}.wav"), 8000, 8000, group=group)
    return Clip(recording, start, start + 4000, species, synthetic=synthetic)


def clips_of(table: dict[str, dict[str, int]]) -> list[Clip]:
    """{species: {group: clips}} -> clips, each of a recording of its own."""
    rows = [(s, g) for s, groups in table.items() for g, count in groups.items() for _ in range(count)]
    return [clip(s, g, n) for n, (s, g) in enumerate(rows)]


def subsets_of(result: SplitResult, species: str) -> dict[str, Counter[str]]:
    split = result.split
    parts = {"train": split.train, "val": split.val, "test": split.test, "aside": split.set_aside}
    return {name: Counter(c.group for c in part if c.label == species) for name, part in parts.items()}


def everything(split: Split) -> Counter[Clip]:
    return Counter([*split.train, *split.val, *split.test, *split.set_aside])


THREE = {
    "fin": {"a": 14, "b": 3, "c": 3},
    "minke": {"d": 10, "e": 5},
    "sei": {"f": 9},
    "blue": {"g": 7, "h": 2, "i": 1, "j": 2},
}
