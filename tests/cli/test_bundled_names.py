"""The name of a bundled model works wherever a run folder does, or is refused by name with a repair.

One table holds every command that takes a run. `test_every_command_that_takes_a_run_is_here` reads the
commands themselves, so a new one is missing here until it is added.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from finback.cli.app import app
from finback.core.errors import RunError
from finback.models import pretrained
from finback.models.pretrained import own_run, resolve_any

pytestmark = pytest.mark.skipif(not pretrained.names("classifier"), reason="this build has no bundled models")

# A command line for each command that takes a run, with a few words of what it answers.
WORKS = {
    "evaluate": (["evaluate", "watkins"], "accuracy"),
    "evaluate on others": (
        ["evaluate", "watkins-small", "--audio", "{audio}", "--labels", "{labels}"],
        "killer_whale as Killer Whale",
    ),
    "predict": (["predict", "watkins-small", "{clip}"], "probability"),
    "export": (["export", "watkins", "--to", "card", "--out", "{out}/card.md"], "card.md"),
    "package": (["package", "watkins-small", "--out", "{out}/small"], "MB"),
    "thresholds": (["thresholds", "watkins", "--target", "precision=0.9"], "fit them on a scan: --scan"),
    "scan": (["scan", "watkins-small", "{clip}", "--out", "{out}/scan", "--dry-run"], "window"),
    "mine": (["mine", "watkins-small", "{clip}", "--out", "{out}/mined"], ""),
    "generate": (["generate", "watkins", "Xyz", "--out", "{out}/made"], "Xyz"),
}
REFUSED = {
    "report": ["report", "watkins"],
    "map": ["map", "watkins"],
    "ensemble": ["ensemble", "watkins", "watkins-small", "--out", "{out}/both"],
    "audit": ["audit", "watkins"],
    "simulate soundscape": ["simulate", "soundscape", "--run", "watkins", "--out", "{out}/sea"],
    "evaluate elsewhere": ["evaluate", "watkins", "--recordings", "{audio}"],
}
OTHERS = {  # tested where their work is, or of a model that is not bundled
    *("vae reconstruct", "vae interpolate", "sheet", "vocode", "augment", "synthesize", "tables", "pars"),
    *("compare", "run", "train", "evaluate-detections", "demo"),
}
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def places(simulated: Path, tmp_path: Path) -> dict[str, str]:
    """Recordings and labels whose species are written as nobody trained them, and an empty folder."""
    rows = (simulated / "labels.csv").read_text(encoding="utf-8").replace("Killer whale", "killer_whale")
    labels = tmp_path / "labels.csv"
    labels.write_text(rows, encoding="utf-8")
    clip = next((simulated / "audio").glob("*.*"))
    return {
        "audio": str(simulated / "audio"),
        "labels": str(labels),
        "clip": str(clip),
        "out": str(tmp_path),
    }


@pytest.mark.parametrize("name", WORKS)
def test_it_works_as_a_run_folder(name: str, places: dict[str, str], finback: Call) -> None:
    words, answer = WORKS[name]
    _, out, err = finback(*(word.format(**places) for word in words))
    assert "no such run folder" not in out + err
    assert "not a finback run folder" not in out + err
    assert answer.casefold() in (out + err).casefold()


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name_with_a_repair(name: str, places: dict[str, str], finback: Call) -> None:
    code, _, err = finback(*(word.format(**places) for word in REFUSED[name]))
    assert code in (1, 2)
    line = err.strip().splitlines()[-1]
    assert line.startswith("finback: watkins: bundled with finback without its recordings, which")
    assert "give a run folder of yours" in line


def commands(of: Any, before: str = "") -> dict[str, Any]:
    """Every command with its parameters, by name."""
    found: dict[str, Any] = {}
    for name, command in of.commands.items():
        full = f"{before}{name}"
        found |= commands(command, f"{full} ") if hasattr(command, "commands") else {full: command}
    return found


def test_every_command_that_takes_a_run_is_here() -> None:
    taking = {
        name
        for name, command in commands(typer.main.get_command(app)).items()
        if any("run folder" in (getattr(p, "help", "") or "").casefold() for p in command.params)
    }
    covered = {name.removesuffix(" on others").removesuffix(" elsewhere") for name in (*WORKS, *REFUSED)}
    assert taking <= covered | OTHERS, "add the command to the table"


def test_from_python(places: dict[str, str]) -> None:
    import finback

    run = finback.TrainedRun("watkins")
    assert 0 < run.evaluate()["accuracy"] < 1
    for work in (run.report, run.map):
        with pytest.raises(RunError, match="bundled with finback without its recordings"):
            work()  # type: ignore[operator]
    data = finback.read_labels(places["labels"], places["audio"])
    found = finback.TrainedRun("watkins-small").evaluate(data, "cpu")
    assert found["matched_names"]["killer_whale"] == "Killer Whale"


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_any("watkins", "generator").name == "generator"
    Path("watkins").mkdir()
    assert resolve_any("watkins") == Path("watkins") == own_run("watkins", "a map", "")
    assert json.dumps(pretrained.kinds_of("watkins")) == "[]"
