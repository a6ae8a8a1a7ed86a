"""Scores as a table: round trip, and refusals by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError
from finback.core.runs.scores import load_scores, save_scores
from finback.core.types import Clip, Labels, Recording, Scores


def clips(n: int) -> list[Clip]:
    return [
        Clip(
            Recording(f"{i:016x}", Path(f"{i}.wav"), 1000, 500, 2, f"tape {i}"), i, 400, "a, b", channel=None
        )
        for i in range(n)
    ]


def scores(n: int) -> Scores:
    logits = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return Scores(tuple(clips(n)), Labels(("a, b", "c")), logits)


def test_round_trip_in_the_tables_order_with_its_groups(tmp_path: Path) -> None:
    written = scores(5)
    save_scores(tmp_path / "v.parquet", written, np.array([0, 1, 2, 0, 1]), "val")
    ungrouped = [c.in_group("") for c in reversed(clips(7))]
    read, folds = load_scores(tmp_path / "v.parquet", ungrouped)
    assert read.clips == written.clips
    assert read.labels == written.labels
    assert np.array_equal(read.logits, written.logits)
    assert folds.tolist() == [0, 1, 2, 0, 1]


def test_clips_of_another_run_are_refused(tmp_path: Path) -> None:
    save_scores(tmp_path / "v.parquet", scores(5), np.zeros(5))
    with pytest.raises(RunError, match="does not fit"):
        load_scores(tmp_path / "v.parquet", clips(3))


def test_missing_and_damaged_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such file"):
        load_scores(tmp_path / "v.parquet", clips(3))
    (tmp_path / "v.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(RunError, match=r"v\.parquet"):
        load_scores(tmp_path / "v.parquet", clips(3))
