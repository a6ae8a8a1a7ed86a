"""`finback simulate` is two commands: a folder as before, and `soundscape`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finback.cli.app import app

SOUNDSCAPE = ("simulate", "soundscape", "--out")
FAST = ("--minutes", "0.5", "--sample-rate", "2000", "--species", "Fin whale", "--calls-per-hour", "600")


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output + str(done.exception or "")


@pytest.mark.parametrize("name", ["sim", "clips", "soundscapes"])
def test_a_folder_of_any_name_gets_clips_as_before(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _ = call("simulate", name, "--clips", 1, "--tapes", 1, "--species", "Fin whale")
    assert code == 0
    assert (tmp_path / name / "labels.csv").is_file()


def test_options_may_come_before_the_folder_and_help_is_that_of_clips(tmp_path: Path) -> None:
    code, _ = call("simulate", "--clips", 1, "--tapes", 1, "--species", "Walrus", tmp_path / "soundscape")
    assert code == 0
    assert "--clips" in call("simulate", "--help")[1]
    assert "simulate soundscape" in call("simulate", "--help")[1]
    assert call("simulate")[0] != 0  # with exit code 2: tests/cli/test_wrong_usage.py


def test_a_soundscape_and_its_summary(tmp_path: Path) -> None:
    code, text = call("simulate", "soundscape", "--out", tmp_path / "s", *FAST, "--json")
    assert code == 0, text
    made = json.loads(text[text.index("{") :])
    with open(made["truth"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert made["calls"] == {"Fin whale": len(rows)}
    assert made["hours"] == pytest.approx(0.5 / 60)
    code, text = call("simulate", "soundscape", "--out", tmp_path / "s", *FAST)
    assert code == 0
    assert "calls overlap with another call" in text


def test_clips_of_one_set_of_a_run_or_of_some_groups(tmp_path: Path, trained: Path, simulated: Path) -> None:
    with open(trained / "split.csv", newline="", encoding="utf-8") as file:
        of_test = {row["group"] for row in csv.DictReader(file) if row["subset"] == "test"}
    common = ("--minutes", 1, "--sample-rate", 48_000, "--calls-per-hour", 200)
    code, text = call(
        "simulate", "soundscape", "--out", tmp_path / "a", "--run", trained, "--subset", "test", *common
    )
    assert code == 0, text
    assert groups(tmp_path / "a") == of_test
    data = ("--audio", simulated / "audio", "--labels", simulated / "labels.csv")
    some = sorted(of_test)[:2]
    code, text = call(
        "simulate", "soundscape", "--out", tmp_path / "b", *data, "--only-groups", ";".join(some), *common
    )
    assert code == 0, text
    assert groups(tmp_path / "b") == set(some)


def groups(folder: Path) -> set[str]:
    with open(folder / "truth.csv", newline="", encoding="utf-8") as file:
        return {row["source_group"] for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--snr-db", "loud"), "--snr-db loud"),
        (("--snr-db", "0:6,12"), "--snr-db"),
        (("--calls-per-hour", "many"), "--calls-per-hour many"),
        (("--calls-per-hour", "Beluga=3"), "Beluga"),
        (("--start", "soon"), "--start soon"),
        (("--bits", "17"), "bits"),
        (("--noise", "nowhere"), "nowhere"),
        (("--labels", "l.csv"), "--audio"),
        (("--sample-rate", "2000", "--species", "Sperm whale"), "40000"),
    ],
)
def test_wrong_options_are_said_in_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    code, text = call("simulate", "soundscape", "--out", tmp_path / "s", *words)
    assert code != 0
    assert said in text
    assert not (tmp_path / "s").exists()
