"""Times of day in a table, and the start of the recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sounds import sound, table

from finback.core.types import Recording
from finback.data.clock_times import seconds_into
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest

START = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


def indexed(tmp_path: Path, columns: str, cells: str) -> Manifest:
    """An index of two recordings of 2 s at 1 kHz: one that starts at 12:00 UTC, one of unknown start."""
    for name in ("S_20240131_120000.wav", "b.wav"):
        sound(tmp_path / "audio" / name, 2.0, rate=1000)
    rows = f"S_20240131_120000.wav,Fin,{cells}\nb.wav,Blue,{cells}\n"
    labels = table(tmp_path / "labels.csv", f"file,species,{columns}\n{rows}")
    return index(IndexRequest(audio=tmp_path / "audio", labels=labels))


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("start_datetime,end_datetime", "2024-01-31T12:00:00.250Z,2024-01-31T12:00:00.750Z"),
        ("start_datetime,end_datetime", "2024-01-31T14:00:00.250+0200,2024-01-31T13:00:00.750+01:00"),
        ("UTC_start,UTC_end", "2024-01-31T12:00:00.25,2024-01-31 12:00:00.75"),
    ],
)
def test_times_of_day_with_a_zone(tmp_path: Path, columns: str, cells: str) -> None:
    manifest = indexed(tmp_path, columns, cells)
    assert [(c.label, c.start, c.stop) for c in manifest.clips] == [("Fin", 250, 750)]
    (refused,) = [p for p in manifest.problems if p.kind == "bad_span"]
    assert (refused.row, "start time of the recording is unknown" in refused.message) == (3, True)
    assert any("times of day from" in p.message for p in manifest.problems)


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("start_datetime,end_datetime", "2024-01-31T12:00:00.250,2024-01-31T12:00:00.750"),
        ("start_datetime", "2024-01-31T12:00:00Z"),
        ("start_date,end_date", "31.1.2024,31.1.2024"),
    ],
)
def test_times_without_a_zone_or_an_end_are_not_read(tmp_path: Path, columns: str, cells: str) -> None:
    manifest = indexed(tmp_path, columns, cells)
    assert [(c.label, c.start, c.stop) for c in manifest.clips] == [("Fin", 0, 2000), ("Blue", 0, 2000)]
    assert "is not read, so each clip is a whole file" in str([p.message for p in manifest.problems])


def test_a_damaged_time_is_refused_with_its_row(tmp_path: Path) -> None:
    sound(tmp_path / "audio" / "S_20240131_120000.wav", 2.0, rate=1000)
    rows = [("2024-01-31T12:00:00Z", "2024-01-31T12:00:01Z"), ("noon", "2024-01-31T12:00:01Z")]
    text = "".join(f"S_20240131_120000.wav,Fin,{a},{b}\n" for a, b in rows)
    labels = table(tmp_path / "labels.csv", f"file,species,start_utc,end_utc\n{text}")
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=labels))
    assert [(c.start, c.stop) for c in manifest.clips] == [(0, 1000)]
    assert [(p.kind, p.row) for p in manifest.problems if p.kind == "bad_span"] == [("bad_span", 3)]


def test_a_recorder_that_sleeps() -> None:
    later = START + timedelta(hours=1)
    recording = Recording("0" * 16, Path("a.x.wav"), 1000, 20_000, start_time=START)
    asleep = replace(recording, schedule=((0, START), (10_000, later)))
    assert seconds_into(asleep, START + timedelta(seconds=3)) == 3.0
    assert seconds_into(asleep, later + timedelta(seconds=3)) == 13.0
    assert seconds_into(asleep, START + timedelta(minutes=5)) is None
    assert seconds_into(asleep, START - timedelta(seconds=3)) == -3.0
    assert seconds_into(replace(recording, start_time=None), START) is None
