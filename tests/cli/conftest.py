"""The command line in this process, and a folder of recordings that a test may damage."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finback.cli import main


@pytest.fixture
def finback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["finback", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def stage(tmp_path: Path, simulated: Path, trained: Path) -> dict[str, Path]:
    """Labelled recordings that a test may damage, and a trained run."""
    audio = tmp_path / "audio"
    shutil.copytree(simulated / "audio", audio)
    labels = shutil.copy(simulated / "labels.csv", tmp_path / "labels.csv")
    places = {
        "audio": audio,
        "labels": Path(labels),
        "run": trained,
        "out": tmp_path / "out",
        "here": tmp_path,
        "good": next(iter(sorted(audio.iterdir()))),
    }
    return places
