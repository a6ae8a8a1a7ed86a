"""Simulated recordings from Python: `finback.simulate` and `finback.soundscape`."""

from __future__ import annotations

from pathlib import Path

import pytest

import finback
from finback.core.errors import SettingsError
from finback.core.progress import no_progress
from finback.core.storage.csv_files import read_csv

SEA = {"minutes": 0.5, "calls_per_hour": 600, "species": ("Killer whale",), "progress": no_progress}


def test_a_soundscape_names_its_recordings_its_calls_and_its_windows(tmp_path: Path) -> None:
    sea = finback.soundscape(tmp_path / "sea", seed=1, **SEA)
    truth = read_csv(sea.truth)
    assert len(truth) == sum(sea.calls.values()) > 0
    assert {row["species"] for row in truth} == {"Killer whale"}
    assert len(list(sea.audio.iterdir())) == 1
    assert {row["species"] for row in read_csv(sea.labels)} == {"Killer whale", "background"}
    assert f"{len(truth)} calls: {len(truth)} Killer whale" in repr(sea)
    assert finback.soundscape(tmp_path / "sea", seed=1, **SEA) == sea  # kept


def test_the_calls_of_a_set_of_a_run_are_placed(trained: Path, tmp_path: Path) -> None:
    sea = finback.soundscape(tmp_path, trained, "test", minutes=0.5, calls_per_hour=240, progress=no_progress)
    assert set(sea.calls) <= set(finback.TrainedRun(trained).info.labels)


def test_a_wrong_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="minute"):
        finback.soundscape(tmp_path, minute=3)
