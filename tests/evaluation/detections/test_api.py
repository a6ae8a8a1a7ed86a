"""From tables to the evaluation: formats, folders, effort, files, and the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from page_checks import problems
from typer.testing import CliRunner

import finback
from finback.audio.io import write
from finback.cli.app import app
from finback.core.errors import InputError, RunError, SettingsError
from finback.core.types import Event
from finback.data.formats.write import write_events
from finback.evaluation.detections.options import read_map, read_thresholds

EVENTS = [
    Event("site1/a.wav", 1.0, 2.0, "Fin whale", 100.0, 300.0, snr_db=5.0),
    Event("site1/a.wav", 4.0, 5.0, "Fin whale", 100.0, 300.0, snr_db=9.0),
    Event("site1/b.wav", 2.0, 3.0, "Fin whale", 100.0, 300.0, snr_db=1.0),
]
FOUND = "file,start_s,end_s,species,score\na.wav,1.1,2.1,fin whale,0.9\nb.wav,6,7,fin whale,0.4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """truth/ in Raven's format, found.csv, and audio/site1 with both recordings."""
    write_events("raven", tmp_path / "truth", EVENTS)
    (tmp_path / "found.csv").write_text(FOUND)
    rng = np.random.default_rng(0)
    for name in "ab":
        path = tmp_path / "audio" / "site1" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, 0.1 * rng.standard_normal(8 * 2000), 2000)
    return tmp_path


def call(*arguments: object) -> dict[str, object]:
    done = CliRunner().invoke(app, ["evaluate-detections", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_folder_of_raven_tables_against_a_csv(folder: Path) -> None:
    (folder / "truth" / "README.txt").write_text("Selections of 2024.\n")
    write_events("audacity", folder / "truth" / "audacity", EVENTS)  # the same events again
    result = finback.evaluate_detections(folder / "truth", folder / "found.csv")
    fin = result.classes["Fin whale"]
    assert (fin["n_true"], fin["n_found"], fin["n_false_alarms"]) == (3, 1, 1)
    assert [round(row["low_db"]) for row in fin["by_snr"]] == [1, 5, 9]
    notes = " ".join(result.notes)
    assert "3 events of TRUTH stand in several tables" in notes
    assert "all.selections.txt: is not read" in notes  # the lot
    assert "left out: " in notes
    assert "README.txt" in notes
    assert finback.evaluate_detections(EVENTS, folder / "found.csv").overall == result.overall


def test_a_scan_folder_has_effort_also_of_files_without_events(folder: Path) -> None:
    scan = folder / "scan"
    scan.mkdir()
    (scan / "events.csv").write_text(
        FOUND.replace("a.wav", "/data/site1/a.wav").replace("b.wav", "/data/site1/b.wav")
    )
    effort = "file,channel,heard_s,unheard_s\n" + "".join(
        f"/data/site1/{name}.wav,{channel},1800,0\n" for name in "abc" for channel in (0, 1)
    )
    (scan / "effort.csv").write_text(effort)
    result = finback.evaluate_detections(EVENTS, scan)
    assert result.overall["hours"] == 1.5  # hours of recordings, not of channels
    assert result.overall["false_alarms_per_hour"] == pytest.approx(1 / 1.5)
    assert len(result.recordings) == 3
    (scan / "effort.csv").unlink()
    without = finback.evaluate_detections(EVENTS, scan)
    assert without.overall["false_alarms_per_hour"] is None
    assert "effort.csv" in " ".join(without.notes)


def test_a_soundscape_is_known_by_its_tables(folder: Path) -> None:
    truth = folder / "truth.csv"
    truth.write_text("file,start_s,end_s,species,exhaustive\na.wav,1,2,Fin whale,yes\n")
    (folder / "files.csv").write_text("file,duration_s,exhaustive\na.wav,900,yes\nb.wav,900,yes\n")
    (folder / "labels.csv").write_text("file,start_s,end_s,species\na.wav,0,3,Fin whale\n")
    result = finback.evaluate_detections(folder, folder / "found.csv")
    assert result.overall["n_true"] == 1
    assert result.overall["hours"] == 0.5
    assert result.overall["n_false_alarms"] == 1  # in a recording without calls


def test_hours_of_a_recorder_that_sleeps_are_those_it_heard(folder: Path) -> None:
    scan = folder / "scan"
    scan.mkdir()
    (scan / "events.csv").write_text(
        "file,start_s,end_s,species,score,start_utc\na.wav,10,11,Fin whale,0.9,2024-01-01T00:00:10Z\n"
    )
    (scan / "effort.csv").write_text(
        "file,site,channel,start_utc,duration_s,analysed_s\na.wav,,mean,2024-01-01T00:00:00Z,1800,1800\n"
    )
    heard = {"00": 900, "05": 900, "06": 0}
    hours = [f"a.wav,,mean,2024-01-01T{hour}:00:00Z,{seconds}\n" for hour, seconds in heard.items()]
    (scan / "effort-hours.csv").write_text("file,site,channel,hour_utc,analysed_s\n" + "".join(hours))
    result = finback.evaluate_detections([Event("a.wav", 10.0, 11.0, "Fin whale")], scan)
    assert result.classes["Fin whale"]["presence"]["hours"]["n_cells"] == 2


def test_a_table_of_files_gives_durations_sites_and_what_is_complete(folder: Path) -> None:
    files = folder / "files.csv"
    files.write_text(
        "file,duration_s,site,exhaustive\na.wav,3600,north,yes\nb.wav,3600,south,0-5\nquiet.wav,7200,south,yes\n"
    )
    result = finback.evaluate_detections(EVENTS, folder / "found.csv", files=files)
    assert result.overall["hours"] == pytest.approx(3 + 5 / 3600)
    assert result.overall["n_false_alarms"] == 0
    assert set(result.classes["Fin whale"]["by_site"]) == {"north", "south"}
    files.write_text("file,duration_s\na.wav,long\n")
    with pytest.raises(InputError, match=r"files.csv \(row 2\): column 'duration_s'"):
        finback.evaluate_detections(EVENTS, folder / "found.csv", files=files)


def test_the_column_exhaustive_of_truth_is_read_by_class(folder: Path) -> None:
    truth = folder / "truth.csv"
    truth.write_text(
        "file,start_s,end_s,species,exhaustive\n"
        "a.wav,1,2,Fin whale,yes\na.wav,5,6,Blue whale,no\n"
        "b.wav,1,2,Fin whale,who knows\n"
    )
    found = [
        Event(f"{name}.wav", 7.0, 8.0, label, score=0.5)
        for name in "ab"
        for label in ("Fin whale", "Blue whale")
    ]
    result = finback.evaluate_detections(truth, found)
    assert result.classes["Fin whale"]["n_false_alarms"] == 1
    assert result.classes["Blue whale"]["n_false_alarms"] == 0
    assert "'who knows' (it is not understood)" in " ".join(result.notes)


def test_the_command_measures_durations_and_writes_a_page(folder: Path) -> None:
    out = folder / "evaluation"
    found = folder / "found.csv"
    found.write_text(FOUND + "b.wav,90,91,fin whale,0.95\n")
    truth = folder / "truth" / "all.selections.txt"
    result = call(truth, found, "--audio", folder / "audio", "--out", out, "--listed", 2)
    assert result["overall"]["hours"] == pytest.approx(16 / 3600)  # type: ignore[index]
    assert sorted(p.name for p in out.iterdir() if p.name[0] != ".") == [
        "evaluation.json",
        "false_alarms.csv",
        "misses.csv",
        "report.html",
    ]
    del result["out"]
    assert json.loads((out / "evaluation.json").read_text()) == result
    page = (out / "report.html").read_text()
    assert problems(page) == []
    assert len(re.findall("<audio", page)) == 3  # two misses, and the false alarm that lies in its file
    assert "the file ends at 8.00 s, before the event" in page
    assert not re.findall(r'(?:src|href)="https?://', page)
    assert len(page) < 1_000_000
    words = ["evaluate-detections", str(truth), str(found), "--out", str(out)]
    (out / "misses.csv").unlink()  # an evaluation that was killed while its files were shown
    call(truth, found, "--audio", folder / "audio", "--out", out, "--listed", 2)
    assert (out / "misses.csv").is_file()
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, RunError)
    assert "is there already" in str(again.exception)
    (out / "notes.txt").touch()
    again = CliRunner().invoke(app, words)
    assert "not empty, it holds notes.txt" in str(again.exception)


def test_a_page_without_recordings_says_so(folder: Path) -> None:
    out = folder / "evaluation"
    call(folder / "truth" / "all.selections.txt", folder / "found.csv", "--out", out)
    page = (out / "report.html").read_text()
    assert "<audio" not in page
    assert "give the folder of the recordings with --audio" in page


def test_the_table_on_the_screen(folder: Path) -> None:
    truth, found = folder / "truth" / "all.selections.txt", folder / "found.csv"
    done = CliRunner().invoke(app, ["evaluate-detections", str(truth), str(found), "--hours", "2"])
    assert done.exit_code == 0, done.output
    assert re.search(r"Fin whale +3 +1 +2 +1 +0\.50", done.stdout)
    assert "false/h at recall 0.5" in done.stdout
    result = finback.evaluate_detections(truth, found)
    assert re.search(r"Fin whale +3 +1 +2 +1 +0\.50", repr(result))
    assert "<td>Fin whale</td>" in result._repr_html_()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--match", "iou=2"), "unknown rule"),
        (("--exhaustive", "maybe"), "choose from stated, all, listed, none"),
        (("--threshold", "high"), "threshold 'high'"),
        (("--hours", "0"), "0 hours of effort"),
        (("--map", "Orca"), "neither a pair of labels nor a file"),
        (("--labels", "Minke"), "in neither table"),
        (("--files", "nothing.csv"), "nothing.csv"),
    ],
)
def test_wrong_options_are_refused_in_a_line(folder: Path, option: tuple[str, str], message: str) -> None:
    done = CliRunner().invoke(
        app, ["evaluate-detections", str(folder / "truth"), str(folder / "found.csv"), *option]
    )
    assert done.exit_code != 0
    assert message in str(done.exception) + done.output


def test_choices_as_they_are_typed(tmp_path: Path) -> None:
    assert read_thresholds(["0.5", "Fin whale=0.7"]) == (0.5, {"Fin whale": 0.7})
    assert read_thresholds([]) == (None, {})
    with pytest.raises(SettingsError):
        read_thresholds(["nan"])
    file = tmp_path / "labels.toml"
    file.write_text('"Orca" = "Killer whale"\n')
    assert read_map([str(file), "a = b"]) == {"Orca": "Killer whale", "a": "b"}
    file.write_text("Orca = 3\n")
    with pytest.raises(InputError, match="is no list of labels"):
        read_map([str(file)])


@pytest.mark.real
def test_the_annotated_recordings_against_themselves(real_data: Path) -> None:
    truth = real_data / "annotated" / "truth_events.csv"
    result = finback.evaluate_detections(truth, truth)
    assert result.overall["recall"] == 1
    assert result.overall["n_false_alarms"] == 0
    assert {"Killer Whale", "Humpback Whale"} <= set(result.classes)
    assert "high_swoops yes up to 60 s" in " ".join(result.notes)
