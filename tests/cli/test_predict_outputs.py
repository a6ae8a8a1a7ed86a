"""What predict shows and writes: warnings, long files, tables of other programs, an interruption."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import Result
from sounds import sound
from typer.testing import CliRunner

import finback
from finback.cli.app import app
from finback.data.formats.recognise import read_annotations
from finback.models.predict import Model


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A file of many windows and a short one."""
    root = tmp_path_factory.mktemp("clips")
    return [sound(root / "long.wav", 12.0, 4000), sound(root / "short.wav", 0.1, 4000)]


def call(run: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", str(run), *map(str, arguments), "--device", "cpu"])


def test_the_table_names_warnings_and_the_text_explains_them(sharp: Path, clips: list[Path]) -> None:
    done = call(sharp, *clips)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["file", "species", "probability", "warnings"]
    of_short = [line for line in lines if line.startswith(str(clips[1])) and "short" in line.split()[-4:]]
    assert of_short or any("short" in line for line in lines if str(clips[1]) in line)
    assert any(line.startswith(f"warning: {clips[1]}: 0.1 s long") for line in lines)


def test_a_long_file_is_answered_by_its_best_windows(sharp: Path, clips: list[Path]) -> None:
    shown = call(sharp, *clips).stdout
    assert f"{clips[0]}: 12.0 s, " in shown
    assert "start (s)" in shown
    assert "finback scan" in shown
    long, short = json.loads(call(sharp, *clips, "--json").stdout)["predictions"]
    assert 1 < len(long["best_windows"]) <= 5
    assert set(long["best_windows"][0]) == {"start_s", "end_s", "species", "probability"}
    assert short["best_windows"] == []
    kinds = [warning["kind"] for warning in short["warnings"]]
    assert "short" in kinds
    assert all(set(w) == {"kind", "text"} for p in (long, short) for w in p["warnings"])


def test_tables_come_back_as_they_were(sharp: Path, clips: list[Path], tmp_path: Path) -> None:
    found, table = tmp_path / "found.csv", tmp_path / "all.selections.txt"
    done = call(sharp, *clips, "--csv", found, "--raven", table, "--audacity", tmp_path / "labels")
    assert done.exit_code == 0, done.output
    expected = finback.load(sharp, "cpu").predict([*clips])
    rows = list(csv.DictReader(found.open(encoding="utf-8")))
    assert [float(row["probability"]) for row in rows] == [row["probability"] for row in expected.rows()]
    events = [event for p in expected for event in p.events()]
    raven = read_annotations(table).events
    assert [(Path(e.file).name, e.label, e.score) for e in raven] == [
        (Path(e.file).name, e.label, e.score) for e in events
    ]
    assert [e.start_s for e in raven] == pytest.approx([e.start_s for e in events])
    labels = [
        e for name in ("long", "short") for e in read_annotations(tmp_path / "labels" / f"{name}.txt").events
    ]
    assert [(e.start_s, e.label) for e in labels] == [(e.start_s, e.label) for e in events]
    assert f"written: {found}" in done.stderr


def test_nothing_is_written_over_and_it_is_said_before_the_work(
    sharp: Path, clips: list[Path], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("mine")
    for option in ("--csv", "--raven", "--audacity"):
        assert "is there already" in str(call(sharp, *clips, option, mine).exception)
    assert mine.read_text() == "mine"
    assert "one recording" in str(call(sharp, *clips, "--audacity", tmp_path / "a.txt").exception)
    assert "is a folder" in str(call(sharp, *clips, "--csv", tmp_path).exception)


def test_what_was_done_before_an_interruption_is_kept(
    sharp: Path, clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Model._one

    def stopped(self: Model, sound: object, *rest: object) -> object:
        if str(sound) == str(clips[1]):
            raise KeyboardInterrupt
        return whole(self, sound, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "_one", stopped)
    done = call(sharp, *clips, "--csv", tmp_path / "found.csv")
    assert done.exit_code != 0
    assert "ended after 1 of 2 files" in done.stderr
    assert str(clips[0]) in done.stdout
    assert not (tmp_path / "found.csv").exists()  # so the same command can be run again
    partial = tmp_path / "found.partial.csv"
    assert str(partial) in done.stderr
    rows = list(csv.DictReader(partial.open(encoding="utf-8")))
    assert {row["file"] for row in rows} == {str(clips[0])}
