"""The tables step: from a journal to all tables, again and again, whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scanned import file_of, header, scanned, scores, spans_of
from typer.testing import CliRunner, Result

from finback.cli.app import app
from finback.cli.event_options import EventOptions, ThresholdOptions
from finback.cli.table_options import PLACES, TableOptions, with_last
from finback.core.errors import InputError, SettingsError, WriteError
from finback.core.storage.csv_files import read_csv
from finback.data.formats.load import load_format, written_formats
from finback.scan.event_settings import EventSettings
from finback.scan.journal import Journal
from finback.scan.outcome import outcome_of
from finback.scan.spans import Fault, FileState
from finback.scan.table_settings import TableSettings
from finback.scan.tables import write_tables
from finback.scan.threshold_choice import ThresholdRequest

START = datetime(2009, 3, 29, 12, 59, 50, tzinfo=UTC)
QUIET, CALL = [-5.0, 5.0, 0.0], [5.0, -5.0, 0.0]
LABELS = ("Fin whale", "noise", "=cmd()")
PLAIN = TableSettings(events=EventSettings(measure=False))


def logits(n: int, *calls: int) -> np.ndarray:
    x = np.tile(np.array(QUIET), (n, 1))
    x[list(calls)] = CALL
    return x


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Two sites: 21 s from 12:59:50 with calls before and after one o'clock; a file without a start time."""
    faults = {"/d/s1/a.wav": [0] * 5 + [int(Fault.SILENT)] * 2 + [0] * 13}
    return scanned(
        tmp_path / "scan",
        {"/d/s1/a.wav": logits(20, 2, 15), "/d/s2/b.wav": logits(9), "/d/s2/untimed.wav": logits(4, 1)},
        LABELS,
        faults=faults,
        errors={"/d/s2/broken.wav": "/d/s2/broken.wav: not a sound file; copy it again"},
        start_times={"/d/s1/a.wav": START, "/d/s2/b.wav": START},
    )


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return read_csv(folder / name)


def test_all_tables_of_a_journal(journal: Journal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = write_tables(journal, out, PLAIN.model_copy(update={"sites_by_folder": True}))
    events = rows(out, "events.csv")
    assert [e["file"] for e in events] == ["/d/s1/a.wav", "/d/s1/a.wav", "/d/s2/untimed.wav"]
    assert events[0]["start_utc"].startswith("2009-03-29T12:59:5")
    assert events[2]["start_utc"] == ""
    effort = {row["file"]: row for row in rows(out, "effort.csv")}
    assert len(effort) == 4
    a = effort["/d/s1/a.wav"]
    assert (a["site"], a["duration_s"], a["analysed_s"], a["skipped_s"]) == ("s1", "21", "19", "2")
    assert (a["digital_silence_s"], a["start_utc"]) == ("2", "2009-03-29T12:59:50Z")
    assert effort["/d/s2/broken.wav"]["duration_s"] == "0"
    of_hours = rows(out, "effort-hours.csv")
    assert [(r["hour_utc"], r["hour_of_file"], r["duration_s"]) for r in of_hours if "s1" in r["file"]] == [
        ("2009-03-29T12:00:00Z", "", "10"),
        ("2009-03-29T13:00:00Z", "", "11"),
    ]
    for column in ("duration_s", "analysed_s", "skipped_s", "digital_silence_s"):
        whole = sum(float(row[column]) for row in effort.values())
        assert sum(float(row[column]) for row in of_hours) == whole, column
    assert [r["hour_of_file"] for r in of_hours if "untimed" in r["file"]] == ["0"]
    (error,) = rows(out, "errors.csv")
    assert (error["file"], error["reason"]) == ("/d/s2/broken.wav", "not a sound file; copy it again")
    assert outcome_of(journal, summary).problems == ("/d/s2/broken.wav: not a sound file; copy it again",)
    hours = rows(out, "presence-hours.csv")
    assert [(r["site"], r["hour_utc"][11:13], r["effort_s"], r["Fin whale"], r["=cmd()"]) for r in hours] == [
        ("s1", "12", "8", "1", "0"),
        ("s1", "13", "11", "1", "0"),
        ("s2", "12", "10", "0", "0"),
    ]
    assert "noise" not in hours[0]
    days = rows(out, "presence-days.csv")
    assert [(r["site"], r["day"], r["time_zone"], r["events: Fin whale"]) for r in days] == [
        ("s1", "2009-03-29", "UTC", "2"),
        ("s2", "2009-03-29", "UTC", "0"),
    ]
    files = {row["file"]: row for row in rows(out, "presence-files.csv")}
    assert (files["/d/s2/untimed.wav"]["Fin whale"], files["/d/s2/untimed.wav"]["start_utc"]) == ("1", "")
    assert files["/d/s2/broken.wav"]["Fin whale"] == "NA"
    raven = sorted(path.name for path in (out / "raven").iterdir())
    assert raven == [f"{name}.selections.txt" for name in ("a", "all", "b", "untimed")]
    text = (out / "summary.txt").read_text()
    assert "34.0 s analysed in 3 of 4 files, 2 sites" in text
    assert "2.0 s (digital silence)" in text
    assert "no start time in 1 file:" in text
    assert summary.lines() == text.splitlines()
    assert b"\n=cmd" not in (out / "presence-hours.csv").read_bytes()
    assert b",=cmd" not in (out / "presence-hours.csv").read_bytes()


def test_a_model_without_background_says_what_its_detections_may_be(tmp_path: Path) -> None:
    said = []
    for names in (("Fin whale", "Ship"), ("Fin whale", "background")):
        one = scanned(tmp_path / names[1], {"/d/a.wav": np.array([[5.0, -5.0], [-5.0, 5.0]] * 4)}, names)
        said.append(
            "no class for sound without calls" in " ".join(write_tables(one, one.folder, PLAIN).notes)
        )
        named = PLAIN.model_copy(update={"events": PLAIN.events.model_copy(update={"background": names[1:]})})
        assert "no class for" not in " ".join(write_tables(one, tmp_path / f"{names[1]}-named", named).notes)
    assert said == [True, False]


def test_the_same_journal_gives_the_same_bytes(journal: Journal, tmp_path: Path) -> None:
    settings = PLAIN.model_copy(update={"occupancy": True, "formats": written_formats()})
    for name in ("one", "two"):
        write_tables(journal, tmp_path / name, settings)
    write_tables(Journal.read(journal.folder), tmp_path / "two", settings)
    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "one", tmp_path / "two")
    )
    assert {p: d for p, d in one.items() if p.suffix != ".sqlite"} == {
        p: d for p, d in two.items() if p.suffix != ".sqlite"
    }
    for name in written_formats():
        info, _ = load_format(name)
        (path, *_) = sorted((tmp_path / "one").rglob(f"*{info.suffix}"))
        assert path.exists()
    assert not [p for p in (tmp_path / "one").iterdir() if p.is_dir() and p.name.startswith(".finback")]


def test_an_empty_result_says_how_long_was_listened(tmp_path: Path) -> None:
    quiet = scanned(tmp_path / "scan", {"/d/a.wav": logits(7199)}, LABELS)
    assert "no detections in 2.0 h of analysed sound" in write_tables(quiet, tmp_path / "out", PLAIN).lines()
    assert rows(tmp_path / "out", "events.csv") == []
    assert (tmp_path / "out" / "raven" / "a.selections.txt").exists()


def test_tables_of_an_unfinished_scan_say_so(tmp_path: Path) -> None:
    head = header(LABELS)
    journal = Journal.open(tmp_path / "scan", head)
    file = file_of("/d/a.wav", 7199)
    (span,) = spans_of(head, file)
    part = replace(span, last=3600)
    journal.write_part([scores(part, logits(3600))])
    journal.record([FileState(file), FileState(file_of("/d/b.wav", 3599))])
    summary = write_tables(Journal.read(tmp_path / "scan"), tmp_path / "out", PLAIN)
    assert summary.lines()[0].startswith("PARTIAL: 2.0 h are not analysed yet")
    assert summary.to_json()["partial"]
    assert [row["not_analysed_yet_s"] for row in rows(tmp_path / "out", "effort.csv")] == ["3600", "3600"]
    assert not (tmp_path / "out" / "raven" / "b.selections.txt").exists()


def test_a_table_that_a_person_changed_is_kept(journal: Journal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_tables(journal, out, PLAIN)
    edited = out / "raven" / "a.selections.txt"
    edited.write_text("edited in Raven")
    summary = write_tables(journal, out, PLAIN)
    assert (out / "raven" / "a.selections.kept-1.txt").read_text() == "edited in Raven"
    assert "kept" in summary.lines()[-1]
    assert "View" in edited.read_text()
    write_tables(journal, out, PLAIN)
    assert not (out / "raven" / "a.selections.kept-2.txt").exists()


def test_a_step_that_fails_leaves_the_tables_as_they_were(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_tables(journal, out, PLAIN)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("finback.scan.tables.write_presence", full)
    with pytest.raises(WriteError, match="No space left"):
        write_tables(
            journal, out, PLAIN.model_copy(update={"thresholds": ThresholdRequest(threshold=("0.9",))})
        )
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_tables_killed_while_they_are_shown_are_known_as_our_own(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_tables(journal, out, PLAIN)
    stop = PLAIN.model_copy(update={"thresholds": ThresholdRequest(threshold=("0.9999",))})
    real, n = os.replace, [0]

    def killed(a: object, b: object) -> None:
        if str(b).endswith((".csv", ".txt")) and ".finback-" not in str(b):
            n[0] += 1
            if n[0] > 2:
                raise KeyboardInterrupt
        real(a, b)  # type: ignore[arg-type]

    monkeypatch.setattr("finback.scan.table_folder.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_tables(journal, out, stop)
    monkeypatch.undo()
    write_tables(journal, out, PLAIN)
    assert not list(out.rglob("*kept*"))


def test_other_formats_and_older_tables_are_said(journal: Journal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    more = PLAIN.model_copy(update={"formats": TableSettings(formats=("jsonl", "audacity")).formats})
    write_tables(journal, out, more)
    assert (out / "events.jsonl").exists()
    assert (out / "audacity" / "a.txt").exists()
    older = write_tables(journal, out, PLAIN).lines()[-1]
    assert "of an earlier step" in older
    assert (out / "events.jsonl").exists()
    with pytest.raises(ValueError, match="no format 'excel'"):
        TableSettings(formats=("excel",))


def test_a_folder_with_other_tables_is_refused(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "events.csv").write_text("my own")
    with pytest.raises(InputError, match=r"holds another events\.csv"):
        write_tables(journal, tmp_path / "mine", PLAIN)
    assert (tmp_path / "mine" / "events.csv").read_text() == "my own"
    with pytest.raises(SettingsError, match="--days-in Atlantis"):
        write_tables(journal, tmp_path / "out", PLAIN.model_copy(update={"days_in": "Atlantis"}))


def test_occupancy_for_r(journal: Journal, tmp_path: Path) -> None:
    settings = PLAIN.model_copy(update={"occupancy": True, "sites_by_folder": True, "least_effort_s": 15.0})
    write_tables(journal, tmp_path / "out", settings)
    wide = rows(tmp_path / "out", "occupancy/fin-whale.csv")
    assert wide == [{"site": "s1", "2009-03-29": "1"}, {"site": "s2", "2009-03-29": "NA"}]
    long = rows(tmp_path / "out", "occupancy/long.csv")
    assert [row["detected"] for row in long] == ["1", "0", "NA", "NA"]


def test_the_settings_of_a_step_are_beside_it(journal: Journal, tmp_path: Path) -> None:
    write_tables(journal, tmp_path / "out", PLAIN)
    about = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert set(about["thresholds"].values()) == {0.5}
    assert "events.csv" in about["files"]


def run(*words: object) -> Result:
    done = CliRunner().invoke(app, ["tables", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


def test_options_that_are_not_given_are_those_of_the_last_tables(journal: Journal, tmp_path: Path) -> None:
    folder, mutes = journal.folder, tmp_path / "mutes.toml"
    mutes.write_text('[[mute]]\nsite = "s2"\nspecies = "Fin whale"\n')
    run(folder, "--no-boxes", "--sites-by-folder", "--days-in", "America/New_York", "--context", "1/60min")
    for words in (("--mute", mutes, "--threshold", "0.9"), ()):  # the second time all are taken over
        again = run(folder, *words)
        for option in ("--sites-by-folder", "--days-in America/New_York", "--context 1/3600s", "--no-boxes"):
            assert option in again.stderr
        assert {row["site"] for row in rows(folder, "effort.csv")} == {"s1", "s2"}
        assert rows(folder, "presence-days.csv")[0]["time_zone"] == "America/New_York"
        assert len(rows(folder, "events.csv")) == 2  # of three, one is muted
    assert f"--mute {mutes}" in again.stderr
    assert "--threshold 0.9" in again.stderr
    plain = run(folder, "--defaults", "--no-boxes", "--sites-by-folder")
    assert "as in the last tables" not in plain.stderr
    assert len(rows(folder, "events.csv")) == 3
    assert "as in the last tables: --no-boxes (" in run(folder, "--site", "X").stderr
    assert {row["site"] for row in rows(folder, "effort.csv")} == {"X"}
    (folder / "tables.json").write_text("{")
    assert "the options of the last tables are not known" in run(folder, "--no-boxes").stderr


def test_tables_elsewhere_take_over_what_was_there_before(journal: Journal, tmp_path: Path) -> None:
    run(journal.folder, "--no-boxes", "--days-in", "Asia/Tokyo")
    run(journal.folder, "--out", tmp_path / "out", "--site", "north")
    run(journal.folder, "--days-in", "UTC", "--site", "south")
    again = run(journal.folder, "--out", tmp_path / "out")
    assert "--site north, --days-in Asia/Tokyo" in again.stderr
    assert again.stdout.splitlines()[-1] == f"tables: {tmp_path / 'out'}"


def test_each_option_of_tables_has_its_place_in_the_settings() -> None:
    kinds = (TableOptions, EventOptions, ThresholdOptions)
    assert set(PLACES) == {"run", *(field.name for kind in kinds for field in fields(kind))}
    default = TableOptions().settings(EventOptions(), ThresholdOptions())
    assert default == TableSettings()
    assert with_last(default, default, ()) == (default, [])
