"""Species with too few clips are left out and named, unless too little would be left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from finback.core.types import Clip, Recording
from finback.data.manifest import Manifest, SourceInfo
from finback.evaluation.default_run.species import with_enough


def manifest(numbers: Mapping[str, int]) -> Manifest:
    clips = [
        Clip(
            Recording(f"{name}{i}", Path(f"{name}{i}.wav"), 22_050, 22_050, 1, f"{name}{i % 3}"),
            0,
            22_050,
            name,
        )
        for name, n in numbers.items()
        for i in range(n)
    ]
    return Manifest(tuple(clips), (), SourceInfo("folder", "", ""), Path("."))


@pytest.mark.parametrize(
    ("numbers", "left_out"),
    [
        ({"A": 12, "B": 10, "C": 9, "D": 1}, {"C": 9, "D": 1}),
        ({"A": 12, "B": 9, "C": 9, "D": 1}, {"D": 1}),  # ten would leave one species
        ({"A": 10, "B": 10, **dict.fromkeys("CDEFGHI", 5), "J": 4}, {"J": 4}),  # ten would leave few clips
        ({"A": 2, "B": 2, "C": 1}, {"C": 1}),
        ({"A": 1, "B": 1}, {}),
    ],
)
def test_the_largest_step_that_leaves_enough(numbers: dict[str, int], left_out: dict[str, int]) -> None:
    kept, few = with_enough(manifest(numbers))
    assert few == left_out
    assert set(kept.labels.names) == set(numbers) - set(left_out)
    assert [problem.file for problem in kept.problems] == list(left_out)
