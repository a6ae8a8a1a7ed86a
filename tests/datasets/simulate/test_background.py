"""Simulated clips without a call."""

from __future__ import annotations

from pathlib import Path

import soundfile

from finback.core.storage.csv_files import read_csv
from finback.datasets.simulate.background import simulate_background
from finback.datasets.simulate.simulate import ClipSettings

SETTINGS = ClipSettings(species=("Killer whale", "Fin whale"), duration_s=(0.5, 1.0))


def test_each_tape_has_its_clips_and_the_recorder_of_a_species(tmp_path: Path) -> None:
    rows = read_csv(simulate_background(tmp_path, SETTINGS, 4, 2))
    assert [row["group"] for row in rows] == [f"background-t{t}" for t in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert {row["species"] for row in rows} == {"background"}
    rates = [soundfile.info(tmp_path / row["file"]).samplerate for row in rows]
    assert rates[0::2] == rates[1::2]
    assert all(rate >= 22_050 for tape in (0, 2) for rate in rates[2 * tape : 2 * tape + 2])
    assert all(0.5 <= soundfile.info(tmp_path / row["file"]).duration <= 1.0 for row in rows)


def test_the_same_settings_give_the_same_bytes_and_a_seed_other_ones(tmp_path: Path) -> None:
    for name, settings in (("a", SETTINGS), ("b", SETTINGS), ("c", SETTINGS.model_copy(update={"seed": 1}))):
        simulate_background(tmp_path / name, settings, 1, 1)
    a, b, c = (next((tmp_path / name).glob("*.flac")).read_bytes() for name in "abc")
    assert a == b != c
