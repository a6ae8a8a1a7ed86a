"""A PARS submission from a scan: effort from the journal, detections from its tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scanned import file_of, scanned
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError
from finback.core.storage.csv_files import read_csv
from finback.data.formats.pars.check import check_pars
from finback.data.formats.pars.deployment import read_deployment, template
from finback.scan.event_settings import EventSettings
from finback.scan.journal import Journal
from finback.scan.pars import ReportSettings, duty_cycle, report
from finback.scan.table_settings import TableSettings
from finback.scan.tables import write_tables

START = datetime(2020, 3, 1, 23, 59, 50, tzinfo=UTC)
LABELS = ("Fin whale", "North Atlantic right whale", "Ship", "background")


def logits(n: int, *calls: int) -> np.ndarray:
    x = np.tile(np.array([-5.0, -5.0, 5.0, -9.0]), (n, 1))
    x[list(calls)] = [-5.0, 5.0, -5.0, -9.0]
    return x


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    sounds = {f"/d/ns01/{i}.wav": logits(19, *calls) for i, calls in enumerate([(4,), (), ()])}
    times = {path: START + timedelta(hours=i) for i, path in enumerate(sounds)}
    journal = scanned(tmp_path / "scan", sounds, LABELS, start_times=times)
    write_tables(journal, journal.folder, TableSettings(events=EventSettings(measure=False)))
    return journal


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "deployment.toml"
    path.write_text(template())
    return path


def test_a_submission_by_day_and_by_hour(journal: Journal, toml: Path, tmp_path: Path) -> None:
    deployment = read_deployment(toml)
    done = report(journal, journal.folder, deployment, tmp_path / "days")
    assert (done.n_rows, dict(done.results)) == (4, {"North Atlantic right whale": 1})
    assert done.notes[0].endswith("are left out: Ship")  # background is no class to report
    meta = read_csv(tmp_path / "days" / "metadata.csv")[0]
    assert meta["monitoring_start_datetime"] == "2020-03-01T23:59:50Z"
    assert (meta["recording_duration_secs"], meta["recording_interval_secs"]) == ("20", "3600")
    assert (meta["recording_sample_rate_khz"], meta["recording_n_channels"]) == ("1", "1")
    rows = read_csv(tmp_path / "days" / "detectiondata.csv")
    assert [(r["detection_result_code"], r["detection_effort_secs"]) for r in rows] == [
        ("POSSIBLY_DETECTED", "10"),
        ("NOT_DETECTED", "50"),
        ("NOT_DETECTED", "10"),
        ("NOT_DETECTED", "50"),
    ]
    hourly = report(journal, journal.folder, deployment, tmp_path / "hours", ReportSettings(by="hour"))
    assert hourly.n_rows == 8
    for name in ("days", "hours"):
        assert check_pars(tmp_path / name).findings == []


def test_a_review_makes_detections(journal: Journal, toml: Path, tmp_path: Path) -> None:
    text = (journal.folder / "events.csv").read_text().splitlines()
    review = tmp_path / "review.csv"
    for word, result in (("yes", "DETECTED"), ("no", "NOT_DETECTED"), ("", "POSSIBLY_DETECTED")):
        review.write_text("\n".join([f"{text[0]},valid", *(f"{line},{word}" for line in text[1:])]) + "\n")
        out = tmp_path / f"out-{result}"
        report(journal, journal.folder, read_deployment(toml), out, review=review)
        assert read_csv(out / "detectiondata.csv")[0]["detection_result_code"] == result
    review.write_text(review.read_text().replace("Z,\n", "Z,perhaps\n"))
    with pytest.raises(InputError, match=r"review\.csv \(row \d\): .*neither yes nor no"):
        report(journal, journal.folder, read_deployment(toml), tmp_path / "x", review=review)
    with pytest.raises(InputError, match="no column 'valid'"):
        report(
            journal,
            journal.folder,
            read_deployment(toml),
            tmp_path / "x",
            review=journal.folder / "events.csv",
        )


def test_unknown_times_and_classes_are_refused(toml: Path, tmp_path: Path) -> None:
    untimed = scanned(tmp_path / "scan", {"/d/a.wav": logits(3)}, LABELS)
    write_tables(untimed, untimed.folder, TableSettings(events=EventSettings(measure=False)))
    with pytest.raises(InputError, match=r"1 of 1 recordings have no start time.*--time-pattern"):
        report(untimed, untimed.folder, read_deployment(toml), tmp_path / "out")
    toml.write_text(template().replace("Fin whale", "Unicorn"))
    with pytest.raises(InputError, match=r"Unicorn.*the model has no such class"):
        report(untimed, untimed.folder, read_deployment(toml), tmp_path / "out")


def test_the_duty_cycle_of_recordings() -> None:
    def files(step_s: float) -> list[object]:
        return [file_of(f"{i}.wav", 9, start_time=START + i * timedelta(seconds=step_s)) for i in range(5)]

    assert duty_cycle(files(3600)) == (10.0, 3600.0)  # type: ignore[arg-type]
    assert duty_cycle(files(10.2)) == (10.0, 10.0)  # type: ignore[arg-type]
    assert duty_cycle(files(10)[:1]) is None  # type: ignore[arg-type]
    schedule = tuple((4000 * i, START + i * timedelta(minutes=5)) for i in range(3))
    harp = file_of("h.x.wav", 11, start_time=START, schedule=schedule)
    assert duty_cycle([harp]) == (4.0, 300.0)


def test_the_command(journal: Journal, toml: Path, tmp_path: Path) -> None:
    def run(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["pars", *map(str, words)])
        return done.exit_code, done.output + str(done.exception or "")

    code, text = run("--template")
    assert (code, text) == (0, template())
    code, text = run(journal.folder, "--deployment", toml, "--out", tmp_path / "out")
    assert code == 0, text
    assert "the files pass the checks" in text
    assert run("--check", tmp_path / "out")[0] == 0
    path = tmp_path / "out" / "metadata.csv"
    path.write_text(path.read_text().replace("40.9512", "NA"))
    code, text = run("--check", tmp_path / "out")
    assert code == 1
    assert "metadata.csv, row 2, deployment_latitude: 'NA' stands for no value" in text
    assert "needs a scan" in run(journal.folder)[1]
