"""`--dry-run` of run and train: clips, species, groups, split and time; nothing is written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finback.cli import main

Call = Callable[..., tuple[str, str]]


@pytest.fixture
def call(
    simulated: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """A dry run on the simulated clips: (stdout, stderr)."""

    def run(*arguments: object) -> tuple[str, str]:
        data = ("--audio", simulated / "audio", "--labels", simulated / "labels.csv", "--device", "cpu")
        words = [*arguments, *data, "--preset", tiny, "--dry-run"]
        monkeypatch.setattr(sys, "argv", ["finback", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        assert not stop.value.code, shown.err
        return shown.out, shown.err

    return run


def test_a_dry_run_shows_clips_split_and_time(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shown, _ = call("train", "dnn", "--out", out)
    lines = shown.splitlines()
    assert lines[0] == "data: 32 clips of 4 species in 16 recording groups"
    assert lines[1].startswith("split: training ")
    assert "family: dnn" in lines
    assert any(line.startswith("time: about ") for line in lines)
    assert not out.exists()


def test_a_dry_run_for_machines(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shown, _ = call("run", "--family", "dnn", "--folds", 2, "--out", out, "--json")
    value = json.loads(shown)
    assert value["n_clips"] == 32
    assert len(value["splits"]) == 2
    assert sum(split["test"] for split in value["splits"]) == 32
    assert value["settings"]["split"]["folds"] == 2
    assert value["training_s"] > 0
    assert not out.exists()


def test_a_dry_run_of_a_generator(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shown, _ = call("train", "gaussian", "--set", "model.n_components=4", "--out", out)
    assert "family: gaussian" in shown
    assert "to train and" in shown
    assert not out.exists()


def test_a_dry_run_of_a_run_that_chooses_its_family(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shown, _ = call("run", "--family", "auto", "--out", out)
    assert "one of the families: mfcc-plda, mfcc-mix, yamnet-plda" in shown
    assert "fold 1 of " in shown
    assert not out.exists()
