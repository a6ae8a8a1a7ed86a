"""How often clips are drawn, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.core.types import Clip, Recording
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import draw_weights, group_codes

# Species 0: three cuts of tape a, one of tape b. Species 1: one cut of tape c.
TAPES, TARGETS = ["a", "a", "a", "b", "c"], np.array([0, 0, 0, 0, 1])


def clips() -> list[Clip]:
    return [
        Clip(Recording(f"{i:016x}", Path(f"{i}.wav"), 1000, 500, 1, tape), 0, 500, "x")
        for i, tape in enumerate(TAPES)
    ]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ("none", [1 / 5] * 5),
        ("logits", [1 / 5] * 5),
        ("sampling", [1 / 8] * 4 + [1 / 2]),
        ("tapes", [1 / 12] * 3 + [1 / 4, 1 / 2]),
    ],
)
def test_shares(balance: str, expected: list[float]) -> None:
    weights = draw_weights(clips(), TARGETS, TrainingSettings(balance=balance))
    assert weights == pytest.approx(expected)


def test_a_rare_species_is_drawn_less_when_asked() -> None:
    weights = draw_weights(clips(), TARGETS, TrainingSettings(full_share=4))
    assert weights == pytest.approx([1 / 5] * 4 + [1 / 5])


def test_group_codes_follow_the_names() -> None:
    assert group_codes(clips()).tolist() == [0, 0, 0, 1, 2]
