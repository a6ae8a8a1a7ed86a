"""`finback convert`: any table of events to any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from finback.audio.io import write
from finback.cli.app import app
from finback.core.errors import FinbackError, RunError
from finback.core.types import Event
from finback.data.formats.load import load_format
from finback.data.formats.recognise import read_annotations
from finback.data.formats.write import write_events

EVENTS = (
    Event("site/a.wav", 0.5, 1.5, "Fin whale", 15.0, 30.0, 0, score=0.9),
    Event("site/b.wav", 2.5, 2.5, "=1+1", None, None, None),
)


def call(*words: object) -> str:
    done = CliRunner().invoke(app, ["convert", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    load_format("csv")[1].write(path, EVENTS)
    return path


def test_a_chain_of_formats_keeps_all(table: Path) -> None:
    for name in ("x.selections.txt", "x.jsonl", "x.parquet", "x.sqlite", "x.csv"):
        call(table, table.parent / name)
        table = table.parent / name
        assert read_annotations(table).events == EVENTS


def test_what_a_format_cannot_hold_is_said(table: Path, tmp_path: Path) -> None:
    said = call(table, tmp_path / "labels", "--format", "audacity")
    assert "audacity does not hold it: the name of the recording, the channel, the score" in said
    names = [path.name for path in (tmp_path / "labels").iterdir() if path.name[0] != "."]
    assert sorted(names) == ["a.txt", "b.txt"]
    found = json.loads(call(tmp_path / "labels", tmp_path / "k.csv", "--format", "kaleidoscope", "--json"))
    assert (found["n_events"], found["n_recordings"], found["read"], found["lost"]) == (
        2,
        2,
        ["audacity"],
        [],
    )


def test_events_without_a_label_get_one(tmp_path: Path) -> None:
    source = tmp_path / "moos.txt"
    source.write_text("0.5\t1.5\t\n2\t3\tgrunt\n")
    call(source, tmp_path / "x.jsonl", "--label", "moo")
    assert [event.label for event in read_annotations(tmp_path / "x.jsonl").events] == ["moo", "grunt"]


def test_an_event_in_two_tables_of_a_folder_is_read_once(tmp_path: Path) -> None:
    write_events("raven", tmp_path / "tables", EVENTS)
    write_events("csv", tmp_path / "tables", EVENTS)
    (tmp_path / "tables" / "notes.txt").write_text("no table", encoding="utf-8")
    found = json.loads(call(tmp_path / "tables", tmp_path / "x.jsonl", "--json"))
    assert found["n_events"] == 2
    kinds = [problem["kind"] for problem in found["problems"]]
    assert kinds == ["lot_table", "unread_table", "repeated_event"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("out.txt",), "its name does not say the format"),
        (("out.txt", "--format", "audacity"), "holds no names of recordings, and the events are of 2"),
        (("out.csv", "--format", "xls"), "unknown format 'xls'"),
        (("out.csv", "--format", "table"), "format 'table' is only read"),
        (("in.csv",), "is there already"),
        ((".", "--format", "raven"), "in.csv: is there already; give the name of a new folder"),
        (("out.csv", "--from", "raven"), "no column 'Begin Time (s)'"),
    ],
)
def test_refusals(table: Path, tmp_path: Path, words: tuple[str, ...], error: str) -> None:
    with pytest.raises(FinbackError, match=error.replace("(", r"\(").replace(")", r"\)")):
        CliRunner().invoke(
            app, ["convert", str(table), str(tmp_path / words[0]), *words[1:]], catch_exceptions=False
        )
    assert read_annotations(table).events == EVENTS


def test_tables_in_a_folder_may_be_written_again_and_never_over_others(table: Path, tmp_path: Path) -> None:
    call(table, tmp_path / "out", "--format", "raven")
    tables = sorted(tmp_path.glob("out/*.txt"))
    before = {path: path.read_bytes() for path in tables}
    tables[0].unlink()  # a conversion that was killed while its tables were shown
    call(table, tmp_path / "out", "--format", "raven")
    assert {path: path.read_bytes() for path in tmp_path.glob("out/*.txt")} == before
    tables[0].write_text("edited")
    with pytest.raises(RunError, match=f"{tables[0].name}: is there already"):
        CliRunner().invoke(
            app, ["convert", str(table), str(tmp_path / "out"), "--format", "raven"], catch_exceptions=False
        )
    assert tables[0].read_text() == "edited"


def test_recordings_give_paths_times_and_the_sequence_of_raven(tmp_path: Path) -> None:
    for name, rate in (("a_20240131_120000.wav", 2000), ("b.wav", 4000)):
        (tmp_path / "audio" / "s").mkdir(parents=True, exist_ok=True)
        write(tmp_path / "audio" / "s" / name, np.zeros(rate * 2, np.float32), rate)
    source = tmp_path / "labels.csv"
    source.write_text("file,start_s,end_s,species\na_20240131_120000,0.5,1,x\nB.wav,0.25,1,y\nc.wav,0,1,z\n")
    said = call(source, tmp_path / "x.selections.txt", "--audio", tmp_path / "audio")
    assert "c.wav: no such recording in the audio folder" in said
    source.write_text(source.read_text().replace("c.wav,0,1,z\n", ""))
    call(source, tmp_path / "y.selections.txt", "--audio", tmp_path / "audio")
    lines = (tmp_path / "y.selections.txt").read_text(encoding="utf-8").splitlines()
    header, first, second = (line.split("\t") for line in lines)
    row = dict(zip(header, second, strict=True))
    assert (row["Begin Time (s)"], row["File Offset (s)"], row["High Freq (Hz)"]) == (
        "2.25",
        "0.25",
        "2000.0",
    )
    assert row["Begin Path"] == str((tmp_path / "audio" / "s" / "b.wav").resolve())
    assert dict(zip(header, first, strict=True))["Begin Date Time UTC"] == "2024-01-31T12:00:00.500000Z"
