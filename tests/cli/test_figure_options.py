"""The options of figures: every command that draws has them, and refuses wrong ones before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from finback.cli import figure_options
from finback.cli.app import app
from finback.core.errors import SettingsError
from finback.report.plots import figure_files

DRAWING = ("run", "demo", "audit", "compare", "evaluate-detections", "report", "map", "sheet", "augment")
DRAWING += ("generate", "vocode", "vae reconstruct", "vae interpolate")


@pytest.mark.parametrize("command", DRAWING)
def test_every_command_that_draws_has_the_options(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"]).output
    assert all(option in shown for option in ("--format", "--dpi", "--width"))


@pytest.mark.parametrize(
    ("given", "said"),
    [(["--format", "gif"], "'gif' is not a format"), (["--width", "85"], "give a number and a unit")],
)
def test_wrong_options_are_refused_before_the_command_begins(
    given: list[str], said: str, trained: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    error = CliRunner().invoke(app, ["report", str(trained), *given]).exception
    assert isinstance(error, SettingsError)
    assert said in str(error)
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def test_the_options_hold_within_the_command_and_not_after_it() -> None:
    seen = []

    def command(name: str, n: int = 2) -> None:
        seen.append((name, n, figure_files.current()))

    drawing = figure_options.draws(command)
    drawing(name="a", n=3, format_="pdf", dpi=None, width="10cm")
    drawing(name="b", n=2, format_=None, dpi=None, width=None)
    assert seen[0][:2] == ("a", 3)
    assert seen[0][2] == figure_files.FigureFiles.of("pdf", None, "100mm")
    assert seen[1][2] == figure_files.current() == figure_files.FigureFiles()
