"""Columns by their names: times with units, and what is said of those that are not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from sounds import sound, table

from finback.core.errors import ManifestError
from finback.data.columns import meaning
from finback.data.index import IndexRequest, index
from finback.data.layouts import LAYOUTS
from finback.data.manifest import Manifest

STARTS = [
    *("start_s", "Start (s)", "begin_sec", "onset_s", "FileBeginSec", "Left time (sec)", "Start Time [s]"),
    *("BEGIN TIME (S)", "start seconds", "t0_s", "startTime (s)", "clip_start_s", "start-sec"),
]


@pytest.mark.parametrize("name", STARTS)
def test_names_of_a_start_in_seconds(name: str) -> None:
    assert (meaning(name).role, meaning(name).unit) == ("start", "s")


@pytest.mark.parametrize(
    ("name", "role", "unit"),
    [
        ("stop_ms", "end", "ms"),
        ("End Time (ms)", "end", "ms"),
        ("end_sample", "end", "samples"),
        ("Delta Time (s)", "duration", "s"),
        ("duration_s", "duration", "s"),
        ("start", "start", ""),
        ("end time", "end", ""),
        ("start_datetime", "start", "clock"),
        ("Begin Clock Time", "start", "clock"),
        ("UTC_end", "end", "clock"),
        ("Low Freq (Hz)", "frequency", ""),
        ("start_frequency", "frequency", ""),
        ("Delta Freq (Hz)", "frequency", ""),
        ("chan", "channel", ""),
        ("FOLDER", "file", ""),
        ("species", "", ""),
        ("friend", "", ""),
        ("start of deployment", "", ""),
        ("sunset", "", ""),
        ("", "", ""),
        ("***", "", ""),
    ],
)
def test_meanings(name: str, role: str, unit: str) -> None:
    assert (meaning(name).role, meaning(name).unit) == (role, unit)


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Two recordings of 2 s at 1 kHz."""
    for name in ("dive_1.wav", "sub/dive_2.wav"):
        sound(tmp_path / "audio" / name, 2.0, rate=1000)
    return tmp_path / "audio"


def indexed(tmp_path: Path, text: str, name: str = "labels.csv", **options) -> Manifest:
    labels = table(tmp_path / "labels" / name, text)
    return index(IndexRequest(audio=tmp_path / "audio", labels=labels, **options))


def spans(manifest: Manifest) -> list[tuple[str, int, int, str | None]]:
    return [(manifest.file_of(c), c.start, c.stop, c.label) for c in manifest.clips]


FIN = [("dive_1.wav", 250, 750, "Fin")]


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("Start (s),End (s)", "0.25,0.75"),
        ("onset_s,offset_s", "0.25,0.75"),
        ("begin_ms,end_ms", "250,750"),
        ("start_sample,stop_sample", "250,750"),
        ("start_sample,stop_sample", "250.0,750.0"),
        ("start_s,duration_s", "0.25,0.5"),
        ("start_min,end_min", "0.0041666666666667,0.0125"),
        ("start_s,end_s", "0:00:00.25,00:00:00.750"),
        ("start_s,end_s", '"0,25","0,75"'),
        ("onset_s,offset_s,onset_sample,offset_sample", "0.25,0.75,1,2"),
        ("start_s,stop_ms", "0.25,750"),
    ],
)
def test_times_under_other_names_and_units(tmp_path: Path, audio: Path, columns: str, cells: str) -> None:
    manifest = indexed(tmp_path, f"file,species,{columns}\ndive_1,Fin,{cells}\n")
    assert spans(manifest) == FIN
    notes = {p.kind for p in manifest.problems}
    assert notes <= {"layout", "unlabelled"}
    assert ("layout" in notes) == (columns != "start_s,end_s")


@pytest.mark.parametrize(
    ("columns", "cells", "named"),
    [
        ("start,end", "0.25,0.75", ["'start' is not read, so each clip is a whole file", "start_s"]),
        ("Begin time,Stop time", "0.25,0.75", ["'Begin time'", "'Stop time'", "end_ms"]),
        ("start_datetime,end_datetime", "2024-01-01T00:00:01,2024-01-01T00:00:02", ["'start_datetime'"]),
        ("time", "00:12", ["'time' is not read"]),
        ("start_s,end", "0.25,0.75", ["'end' is not read, so each clip goes on to the end of its file"]),
        ("start_s,length", "0.25,0.75", ["'length' is not read", "duration_s"]),
        ("t0,t1", "0.25,0.75", ["'t0'", "'t1'"]),
        ("t_beg,t_end", "0.25,0.75", ["'t_beg'", "'t_end'"]),
        ("von,bis", "0.25,0.75", ["columns 'von' and 'bis' are not read", "start_s"]),
        ("chan", "1", ["'chan' is not read, so each clip is the mean of all channels"]),
        ("low_hz,high_hz", "10,90", ["frequencies ('low_hz', 'high_hz'), which are not used"]),
        ("folder", "sub", ["'folder' is not read"]),
    ],
)
def test_what_places_a_clip_and_is_not_read_is_said(
    tmp_path: Path, audio: Path, columns: str, cells: str, named: list[str]
) -> None:
    manifest = indexed(tmp_path, f"file,species,{columns}\ndive_1,Fin,{cells}\n")
    said = " ".join(f"{p.message}; {p.repair}" for p in manifest.problems if p.kind == "ignored_column")
    for words in named:
        assert words in said


def test_parts_of_a_file_with_unread_times_are_no_whole_files(tmp_path: Path, audio: Path) -> None:
    """They would be called repeats of each other, or one sound with two species."""
    rows = "dive_1,Fin,0.25,0.75\ndive_1,Fin,1,1.5\ndive_2,Blue,0.1,0.2\n"
    manifest = indexed(tmp_path, f"file,species,start,end\n{rows}")
    assert spans(manifest) == [("sub/dive_2.wav", 0, 2000, "Blue")]
    assert [(p.kind, p.row) for p in manifest.problems if p.row != 1] == [("bad_span", 2), ("bad_span", 3)]
    assert "several parts of its file, but column 'start'" in manifest.problems[2].message


@pytest.mark.parametrize(
    ("cells", "span", "message"),
    [
        ("nan,0.75", (0, 750), "rows without start: 1; the beginning of the file is taken"),
        ("0.25,", (250, 2000), "rows without end: 1; the end of the file is taken"),
    ],
)
def test_half_a_span_is_said(
    tmp_path: Path, audio: Path, cells: str, span: tuple[int, int], message: str
) -> None:
    manifest = indexed(tmp_path, f"file,species,start_s,end_s\ndive_1,Fin,{cells}\ndive_2,Fin,,\n")
    assert spans(manifest) == [("dive_1.wav", *span, "Fin"), ("sub/dive_2.wav", 0, 2000, "Fin")]
    assert [(p.row, p.message) for p in manifest.problems if p.kind == "half_span"] == [(2, message)]


def test_messages_stay_short(tmp_path: Path, audio: Path) -> None:
    with pytest.raises(ManifestError) as error:
        indexed(tmp_path, "x" * 200_000 + ",y" * 5_000 + "\na\n")
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("columns", ["duration_s", "notes", "trend", "sender", "group"])
def test_other_columns_need_no_word(tmp_path: Path, audio: Path, columns: str) -> None:
    manifest = indexed(tmp_path, f"file,species,{columns}\ndive_1,Fin,2.0\n")
    assert spans(manifest) == [("dive_1.wav", 0, 2000, "Fin")]
    assert {p.kind for p in manifest.problems} == {"unlabelled"}


PROGRAMS = {
    "BirdNET-Analyzer": (
        "r.csv",
        "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
        "0.25,0.75,Balaenoptera physalus,Fin,0.91,/data/in/dive_1.wav\n",
    ),
    "BirdNET-Analyzer (a table for each file)": (
        "dive_1.BirdNET.results.csv",
        "Start (s),End (s),Scientific name,Common name,Confidence\n0.25,0.75,x,Fin,0.91\n",
    ),
    "Kaleidoscope": (
        "r.csv",
        "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,MANUAL ID\n,,dive_1.wav,0,0.25,0.5,20,Fin\n",
    ),
    "APLOSE": (
        "r.csv",
        "dataset,filename,start_time,end_time,start_frequency,annotation,annotator\n"
        "d,dive_1,0.25,0.75,0,Fin,ann\n",
    ),
    "PAMlab": (
        "x annotations.log",
        "fieldkey:\tSoundfile\tChannel\tLeft time (sec)\tRight time (sec)\tSpecies\t\n"
        "an:\tC:\\d\\dive_1.wav\t0\t0.25\t0.75\tFin\tno\tx\n",
    ),
    "DCLDE / HALLO": (
        "r.csv",
        "Soundfile,UTC,FileBeginSec,FileEndSec,Species\ndive_1.wav,2014-01-01,0.25,0.75,Fin\n",
    ),
    "ecosound": (
        "r.csv",
        "audio_file_name,time_min_offset,time_max_offset,label_class\ndive_1,0.25,0.75,Fin\n",
    ),
    "crowsetta": (
        "r.csv",
        "label,onset_s,offset_s,onset_sample,offset_sample,notated_path\nFin,0.25,0.75,,,a/dive_1.wav\n",
    ),
    "Arbimon": ("r.csv", "recording,species,x1,y1,x2,y2\ndive_1.wav,Fin,0.25,10,0.75,90\n"),
    "BatDetect2": (
        "dive_1.wav.csv",
        "id,det_prob,start_time,end_time,high_freq,low_freq,class\n0,0.5,0.25,0.75,9,1,Fin\n",
    ),
    "OpenSoundscape": (
        "r.csv",
        "audio_file,start_time,end_time,annotation\ndive_1.wav,0.25,0.75,Fin\n",
    ),
    "Ketos": ("r.csv", "filename,start,duration,score,label\ndive_1.wav,0.25,0.5,0.9,Fin\n"),
    "Sonic Visualiser": ("dive_1.csv", "TIME,VALUE,DURATION,LABEL\n0.25,3,0.5,Fin\n"),
}


def test_every_layout_is_tried() -> None:
    assert set(PROGRAMS) == {layout.program for layout in LAYOUTS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_tables_of_programs(tmp_path: Path, audio: Path, program: str) -> None:
    name, text = PROGRAMS[program]
    manifest = indexed(tmp_path, text, name)
    assert spans(manifest) == FIN
    said = [p.message for p in manifest.problems if p.kind == "layout"]
    assert len(said) == 1
    assert said[0].startswith(f"read as a table of {program}: ")


def test_the_users_columns_go_before_those_of_the_program(tmp_path: Path, audio: Path) -> None:
    name, text = PROGRAMS["BirdNET-Analyzer"]
    manifest = indexed(tmp_path, text, name, species_column="Scientific name")
    assert [clip.label for clip in manifest.clips] == ["Balaenoptera physalus"]


def test_folder_and_file_in_two_columns(tmp_path: Path, audio: Path) -> None:
    sound(audio / "other" / "dive_2.wav", 2.0, rate=1000)
    text = "FOLDER,IN FILE,OFFSET,DURATION,MANUAL ID\nsub,dive_2.wav,0.25,0.5,Fin\n"
    assert spans(indexed(tmp_path, text)) == [("sub/dive_2.wav", 250, 750, "Fin")]


def test_audacity_labels(tmp_path: Path, audio: Path) -> None:
    lines = [
        "0.25\t0.75\tFin",
        "\\\t10.0\t90.0",
        "1.0\t1.0\tFin",
        "\\\t10.0\t10.0",
        "1.0\t1.5\t",
        "x\t1\tFin",
    ]
    for newline in ("\n", "\r\n", "\r"):
        manifest = indexed(tmp_path, newline.join(lines), "dive_1.txt")
        assert spans(manifest) == FIN
        assert manifest.source.name == "audacity"
        reported = [(p.kind, p.row) for p in manifest.problems if p.kind != "unlabelled"]
        assert reported == [("bad_span", 3), ("empty_label", 5), ("bad_span", 6)]


@pytest.mark.parametrize("value", ["1e308", "-1e308", "inf", "nan nan", "9" * 400, "1e-400", "TRUE", "1/2"])
@pytest.mark.parametrize("column", ["start_s", "end_s", "start_sample", "Duration (s)", "channel"])
def test_absurd_numbers_never_end_an_index(tmp_path: Path, audio: Path, value: str, column: str) -> None:
    other = "start_s" if column == "Duration (s)" else "note"
    text = f"file,species,{other},{column}\ndive_1,Fin,0,{value}\ndive_1,Fin,,\n"
    manifest = indexed(tmp_path, text)
    assert ("dive_1.wav", 0, 2000, "Fin") in spans(manifest)
    assert value == "1e-400" or {p.row for p in manifest.problems if p.kind.startswith("bad_")} == {2}
