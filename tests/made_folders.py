"""What folders of generated clips hold, and whether two hold the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import read
from finback.core.storage.csv_files import read_csv


def rows_of(folder: Path) -> list[dict[str, str]]:
    return read_csv(folder / "manifest.csv")


def same(one: Path, other: Path) -> None:
    """Two folders hold the same clips, but for the last bits of sums whose order depends on the batch."""
    assert [p.name for p in sorted(one.iterdir())] == [p.name for p in sorted(other.iterdir())]
    for a, b in zip(rows_of(one), rows_of(other), strict=True):
        near = float(a.pop("distance")), float(b.pop("distance"))
        assert near[0] == pytest.approx(near[1], abs=2e-3)
        assert a == b
        same_sound(one / a["file"], other / b["file"])


def same_sound(one: Path, other: Path) -> None:
    assert np.abs(read(one) - read(other)).max() <= 8 / 32768
