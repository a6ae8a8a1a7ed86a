"""Tables of other programs and other computers: known by their content, read with what they hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from finback.core.errors import InputError, ManifestError
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.load import load_format
from finback.data.formats.recognise import read_annotations

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin File\t"
    "File Offset (s)\tSpecies\n"
    "1\tWaveform 1\t2\t3601,5\t3602,25\t0,0\t1000,0\tb.wav\t1,5\tFin whale\n"
    "1\tSpectrogram 1\t2\t3601,5\t3602,25\t15,5\t30,0\tb.wav\t1,5\tFin whale\n"
    "2\tSpectrogram 1\t1\t10,0\t11,0\t20,0\t30,0\ta.wav\t10,0\t\n"
)


def table(folder: Path, text: str, name: str = "dive3.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_raven_of_any_computer(tmp_path: Path, encoding: str, newline: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(RAVEN.replace("\n", newline).encode(encoding))
    read = read_annotations(path)
    assert read.format == "raven"
    assert read.events == (
        Event("b.wav", 1.5, 2.25, "Fin whale", 15.5, 30.0, channel=1),
        Event("a.wav", 10.0, 11.0, "", 20.0, 30.0, channel=0),
    )


def test_a_table_that_raven_saved_again_keeps_what_was_not_stated(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    _, raven = load_format("raven")
    raven.write(path, [Event("/d/a.wav", 1 / 3, 2 / 3, "x", score=0.5, start_time=MOMENT)])
    before = read_annotations(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"Spectrogram 1", b"Spectrogram 2"))
    assert read_annotations(path).events == before.events


def test_labels_of_audacity_with_points_and_bands(tmp_path: Path) -> None:
    text = "59,25\t59,25\tC\r\\\t1580,5\t1580,5\r64,5\t65,0\t'=1+1\r\\\t-1\t90\r70,0\t71,0\rx\ty\tz\r"
    read = read_annotations(table(tmp_path, text))
    assert read.format == "audacity"
    assert read.events == (
        Event("dive3", 59.25, 59.25, "C", 1580.5, 1580.5),
        Event("dive3", 64.5, 65.0, "=1+1", None, 90.0),
        Event("dive3", 70.0, 71.0, ""),
    )
    assert [(problem.kind, problem.row) for problem in read.problems] == [("bad_span", 6)]


PROGRAMS = {
    "BirdNET": (
        "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
        "0,3,Orcinus orca,Killer whale,0.91,a.wav\n",
        Event("a.wav", 0, 3, "Killer whale", score=0.91),
    ),
    "PAMlab": (
        "fieldkey:\tSoundfile\tChannel\tLeft time (sec)\tRight time (sec)\t"
        "Top freq (Hz)\tBottom freq (Hz)\tSpecies\n"
        "an:\tC:\\r\\a.wav\t0\t5.5\t9.25\t2650.70\t0.00\tBH\n",
        Event("C:\\r\\a.wav", 5.5, 9.25, "BH", 0.0, 2650.7, channel=0),
    ),
    "APLOSE": (
        "filename,start_time,end_time,min_frequency,max_frequency,annotation,annotator\n"
        "a.wav,0,7,10,20,click,me\n",
        Event("a.wav", 0, 7, "click", 10, 20),
    ),
    "BirdNET, as Raven": (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\t"
        "Species Code\tConfidence\tBegin Path\tFile Offset (s)\n"
        "1\tSpectrogram 1\t1\t603.0\t606.0\t0\t15000\tKiller whale\torca\t0.9\t/d/a.wav\t3.0\n",
        Event("/d/a.wav", 3, 6, "Killer whale", 0, 15_000, 0, 0.9),
    ),
    "crowsetta": (
        "label,onset_s,offset_s,notated_path\nsong,1,2,a.wav\n",
        Event("a.wav", 1, 2, "song"),
    ),
    "Kaleidoscope, heard": (
        "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,Fmax,TOP1MATCH*,MANUAL ID\n"
        "/d,s,a.wav,1,1,2,3,4,X,\n",
        Event("/d/s/a.wav", 1, 3, "X", 3, 4, channel=1),
    ),
    "Kaleidoscope, checked": (
        "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,TOP1MATCH*,MANUAL ID,HOUR\n,s,a.wav,1,1,2,X,Y,1\n",
        Event("s/a.wav", 1, 3, "Y", channel=1),
    ),
    "saved by a spreadsheet": (
        "file;start_s;end_s;species;mean_score;low_hz\na.wav;1,5;2,5;Öl;0,25;12,5\n",
        Event("a.wav", 1.5, 2.5, "Öl", 12.5, mean_score=0.25),
    ),
    "samples": (
        "wav,begin_sample,end_sample,sr,Freq Low (kHz)\na.wav,100,300,200,1.5\n",
        Event("a.wav", 0.5, 1.5, "", 1500),
    ),
    "JSON lines": (
        '{"file": "a.wav", "start_s": 1, "end_s": 2, "label": "x", "other": [1]}\n',
        Event("a.wav", 1, 2, "x"),
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_are_known_by_their_columns(tmp_path: Path, program: str) -> None:
    text, event = PROGRAMS[program]
    assert read_annotations(table(tmp_path, text, "x.csv")).events == (event,)


def test_every_format_is_known_by_its_content(tmp_path: Path) -> None:
    for name, info in FORMATS.items():
        if info.writes:
            path = tmp_path / f"{name}.dat"
            load_format(name)[1].write(path, [Event("a.wav", 1, 2, "x")])
            assert read_annotations(path).format == name


def test_rows_that_cannot_be_used_are_listed_with_their_number(tmp_path: Path) -> None:
    text = (
        "file,start_s,end_s,species,channel,low_hz,high_hz\na.wav,1,2,x,0,5,6\na.wav,3,2,x,0,5,6\n"
        "a.wav,one,2,x,0,5,6\na.wav,1,,x,0,5,6\na.wav,-5,2,x,0,5,6\na.wav,1,2,x,-1,5,6\na.wav,1,2,x,0,9,6\n"
    )
    read = read_annotations(table(tmp_path, text))
    assert read.events == (Event("a.wav", 1, 2, "x", 5, 6, 0), Event("a.wav", 1, 2, "x", channel=0))
    assert [problem.row for problem in read.problems if not problem.is_note] == [3, 4, 5, 6, 7]
    assert any("column 'low_hz' has a value that cannot be used (row 8)" in str(p) for p in read.problems)


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("file", "x_20240131_115955.wav"),
        ("file", "x_20240131T125955+0100.wav"),
        ("file,recording_start_utc", "a.wav,2024-01-31T11:59:55"),
        ("file,recording_start", "a.wav,2024-01-31T11:59:55Z"),
    ],
)
def test_times_of_day_are_placed_in_a_recording_whose_start_is_known(
    tmp_path: Path, header: str, cells: str
) -> None:
    file = cells.split(",")[0]
    text = (
        f"{header},start_datetime,end_datetime,species\n"
        f"{cells},2024-01-31T12:00:00.25Z,2024-01-31T13:00:01+01:00,x\n"
        f"{cells},2024-01-31T11:00:00Z,2024-01-31T11:00:01Z,x\n"
    )
    read = read_annotations(table(tmp_path, text, "t.csv"))
    (event,) = read.events
    assert (event.file, event.start_s, event.stop_s, event.label) == (file, 5.25, 6.0, "x")
    assert event.start_time == datetime(2024, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
    (left_out,) = [problem for problem in read.problems if not problem.is_note]
    assert left_out.row == 3
    assert "before the file" in left_out.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column says when an event begins (it has: a, b)"),
        ("file,start_s\na.wav,2\n", "no column says when an event ends"),
        ("file,start_datetime,end_datetime\na,2024-01-01T00:00:00Z,2024-01-01T00:00:01Z\n", "times of day"),
        ("file,begin_sample,end_sample\na.wav,1,2\n", "no column gives the sample rate"),
        ("file,start_s,end_s,species\na.wav,2,1,x\n", "none of its 1 rows can be read; first: a.wav (row 2)"),
        ('{"start_s": 1}', "a JSON file"),
        ("", "the table is empty"),
        ("<ST>\n<EVENT>\n", "an XML file"),
    ],
)
def test_what_fits_no_format_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        read_annotations(table(tmp_path, text, "x.csv"))
    assert words in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    for path in (
        tmp_path,
        tmp_path / "none.csv",
        table(tmp_path, "PAR1xxxx"),
        table(tmp_path, "PK\3\4", "b.xlsx"),
    ):
        with pytest.raises(InputError):
            read_annotations(path)
    (tmp_path / "c.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(InputError, match="cannot be read as a database"):
        read_annotations(tmp_path / "c.db")


def test_the_column_of_the_labels_can_be_named(tmp_path: Path) -> None:
    for name in ("csv", "jsonl", "parquet", "sqlite", "raven"):
        path = tmp_path / f"x.{name}"
        load_format(name)[1].write(path, [Event("a.wav", 1, 2, "x")])
        column = "Begin File" if name == "raven" else "file"
        assert read_annotations(path, label_column=column).events[0].label == "a.wav"
        if name != "jsonl":
            with pytest.raises(ManifestError, match="no column"):
                read_annotations(path, label_column="kind")
