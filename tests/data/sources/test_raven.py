"""Boxes drawn in Raven become clips."""

from __future__ import annotations

from pathlib import Path

import pytest
from sounds import sound, table

from finback.core.errors import InputError, ManifestError
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest

HEAD = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def boxes(tmp_path: Path, text: str, name: str = "boxes.txt", **options) -> Manifest:
    labels = table(tmp_path / "labels" / name, text)
    return index(IndexRequest(audio=tmp_path / "audio", labels=labels, **options))


def spans(manifest: Manifest) -> list[tuple[str, int, int, str | None]]:
    return [(manifest.file_of(c), c.start, c.stop, c.label) for c in manifest.clips]


@pytest.fixture(autouse=True)
def audio(tmp_path: Path) -> Path:
    """Two recordings of 2 s at 1 kHz."""
    for name in ("dive_1.wav", "dive_2.wav"):
        sound(tmp_path / "audio" / name, 2.0, rate=1000)
    return tmp_path / "audio"


def test_a_table_called_after_its_recording(tmp_path: Path) -> None:
    text = f"{HEAD}\tAnnotation\n1\tSpectrogram 1\t1\t0.100000000\t0.500\t10\t90\tFin Whale\n"
    for name in ("dive_1.Table.1.selections.txt", "dive_1.selections.txt", "dive_1.txt"):
        manifest = boxes(tmp_path, text, name)
        assert spans(manifest) == [("dive_1.wav", 100, 500, "Fin Whale")]
        assert manifest.source.name == "raven"
        assert [(p.kind, p.file) for p in manifest.problems] == [("unlabelled", "dive_2.wav")]


def test_a_selection_in_two_views_is_one_clip(tmp_path: Path) -> None:
    text = (
        f"{HEAD}\tBegin File\tSpecies\n"
        "1\tWaveform 1\t1\t0.1\t0.5\t\t\tdive_1.wav\tFin Whale\n"
        "1\tSpectrogram 1\t1\t0.1\t0.5\t10\t90\tdive_1.wav\tFin Whale\n"
        "2\tWaveform 1\t1\t1.1\t1.5\t\t\tdive_2.wav\tFin Whale\n"
    )
    manifest = boxes(tmp_path, text)
    assert spans(manifest) == [("dive_1.wav", 100, 500, "Fin Whale"), ("dive_2.wav", 1100, 1500, "Fin Whale")]
    assert [p.kind for p in manifest.problems] == ["no_file_offset"]


def test_joined_tables_start_their_numbers_again(tmp_path: Path) -> None:
    """Two analysts, two files, the same numbers, one of them in the waveform view: six selections."""
    rows = [("Waveform 1", f"{0.5 * n}\t{0.5 * n + 0.3}", "dive_1.wav", "Fin whale") for n in (1, 2, 3)]
    rows += [("Spectrogram 1", f"{0.5 * n}\t{0.5 * n + 0.3}", "dive_2.wav", "Blue whale") for n in (1, 2, 3)]
    text = "".join(
        f"{n % 3 + 1}\t{view}\t1\t{span}\t1\t9\t{file}\t{species}\n"
        for n, (view, span, file, species) in enumerate(rows)
    )
    manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n{text}")
    assert len(manifest.clips) == 6
    assert [p.kind for p in manifest.problems] == ["no_file_offset"]


VIEW_ROWS = [
    ("1\tSpectrogram 1\t1\t0.1\t0.5\t1\t9\tdive_1.wav\tFin whale", 1),  # the same selection
    ("1\tSpectrogram 1\t1\t0.10000000\t0.50000000\t1\t9\tdive_1.wav\tFin whale", 1),
    ("1\tSpectrogram 1\t1\t0.1\t0.6\t1\t9\tdive_1.wav\tFin whale", 2),  # another end
    ("1\tSpectrogram 1\t1\t0.1\t0.5\t1\t9\tdive_2.wav\tFin whale", 2),  # another file
    ("2\tSpectrogram 1\t1\t0.1\t0.9\t1\t9\tdive_1.wav\tFin whale", 2),  # another number
    ("1\tSpectrogram 1\t1\t0.1\t0.5\t1\t9\tdive_1.wav\t", 1),  # annotated in one view only
]


@pytest.mark.parametrize(("other", "clips"), VIEW_ROWS)
def test_every_row_is_a_clip_a_problem_or_the_second_view_of_a_clip(
    tmp_path: Path, other: str, clips: int
) -> None:
    row = "1\tWaveform 1\t1\t0.1\t0.5\t\t\tdive_1.wav\tFin whale"
    for rows in ((row, other), (other, row)):
        manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n" + "\n".join(rows) + "\n")
        assert len(manifest.clips) == clips


@pytest.mark.parametrize(("channel", "kept"), [("1.0", 0), ("1,0", 0), (" 2 ", 1), ("2.0", 1), ("", None)])
def test_a_channel_need_not_be_a_plain_integer(
    tmp_path: Path, audio: Path, channel: str, kept: int | None
) -> None:
    sound(audio / "stereo.wav", 2.0, rate=1000, channels=2)
    row = f"1\tSpectrogram 1\t{channel}\t0.1\t0.5\t1\t9\tstereo.wav\tFin whale\n"
    manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n{row}")
    assert [clip.channel for clip in manifest.clips] == [kept]


@pytest.mark.parametrize("channel", ["0", "1.5", "left", "TRUE", "-1", "9" * 5000, "1e308"])
def test_a_channel_that_is_none_is_refused_with_its_row(tmp_path: Path, channel: str) -> None:
    rows = f"1\tS\t{channel}\t0.1\t0.5\t1\t9\tdive_1.wav\tFin\n2\tS\t1\t1\t1.5\t1\t9\tdive_1.wav\tFin\n"
    manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n{rows}")
    assert len(manifest.clips) == 1
    assert ("bad_channel", 2) in [(p.kind, p.row) for p in manifest.problems]


def test_begin_and_length_are_times_enough(tmp_path: Path) -> None:
    text = (
        "Selection\tView\tBegin Time (s)\tDelta Time (s)\tSpecies\n1\tS\t1.25\t0.5\tFin\n2\tS\t1.5\t\tFin\n"
    )
    manifest = boxes(tmp_path, text, "dive_1.txt")
    assert spans(manifest) == [("dive_1.wav", 1250, 1750, "Fin")]
    assert [(p.kind, p.row) for p in manifest.problems if p.row] == [("bad_span", 3)]


def test_file_offset_and_length_are_times_enough(tmp_path: Path) -> None:
    text = (
        "Selection\tView\tChannel\tBegin File\tDelta Time (s)\tFile Offset (s)\tSpecies\n"
        "1\tWaveform 1\t1\tdive_1.wav\t0.5\t1.25\tFin\n"
        "1\tSpectrogram 1\t1\tdive_1.wav\t0.5\t1.25\tFin\n"
    )
    manifest = boxes(tmp_path, text)
    assert spans(manifest) == [("dive_1.wav", 1250, 1750, "Fin")]


SEQUENCE = (
    f"{HEAD}\tBegin Path\tBegin File\tFile Offset (s)\tCall Type\n"
    "1\tSpectrogram 1\t1\t0.25\t0.75\t10\t90\tD:\\survey\\dive_1.wav\tdive_1.wav\t0.25\tmoan\n"
    "2\tSpectrogram 1\t1\t2.25\t2.75\t10\t90\tD:\\survey\\dive_2.wav\tdive_2.wav\t0.25\tmoan\n"
    "3\tSpectrogram 1\t1\t1.75\t2.5\t10\t90\tD:\\survey\\dive_1.wav\tdive_1.wav\t1.75\tmoan\n"
)


def test_times_that_run_on_over_several_files(tmp_path: Path) -> None:
    manifest = boxes(tmp_path, SEQUENCE)
    assert spans(manifest) == [
        ("dive_1.wav", 250, 750, "moan"),
        ("dive_2.wav", 250, 750, "moan"),
        ("dive_1.wav", 1750, 2000, "moan"),  # runs into dive_2.wav
    ]
    assert [(p.kind, p.row) for p in manifest.problems] == [("cut_at_end", 4)]
    assert "0.500 s beyond the file" in manifest.problems[0].message
    boxes(tmp_path, SEQUENCE, strict=True)  # a note only


def test_without_offsets_times_are_within_each_file_and_a_note_says_so(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in SEQUENCE.splitlines()]
    text = "\n".join("\t".join([*line[:9], *line[10:]]) for line in lines)
    manifest = boxes(tmp_path, text)
    assert spans(manifest)[0] == ("dive_1.wav", 250, 750, "moan")
    assert [(p.kind, p.row) for p in manifest.problems] == [
        ("no_file_offset", None),
        ("bad_span", 3),
        ("cut_at_end", 4),
    ]
    assert "starts at 2.25 s, but the file lasts 2.000 s" in manifest.problems[1].message


def test_begin_file_when_the_path_is_of_another_disk(tmp_path: Path, audio: Path) -> None:
    sound(audio / "deep" / "dive_3.wav", 2.0, rate=1000)
    text = (
        f"{HEAD}\tBegin Path\tBegin File\tSpecies\n"
        "1\tSpectrogram 1\t1\t0.1\t0.5\t1\t9\t/Volumes/old/dive_3.wav\tdive_3.wav\tFin Whale\n"
    )
    assert spans(boxes(tmp_path, text)) == [("deep/dive_3.wav", 100, 500, "Fin Whale")]


def test_channels_count_from_one(tmp_path: Path, audio: Path) -> None:
    sound(audio / "stereo.wav", 2.0, rate=1000, channels=2)
    rows = "".join(
        f"{n}\tSpectrogram 1\t{channel}\t0.1\t0.5\t1\t9\t{file}\tFin Whale\n"
        for n, (channel, file) in enumerate(
            [("1", "stereo.wav"), ("2", "stereo.wav"), ("3", "stereo.wav"), ("1", "dive_1.wav")]
        )
    )
    manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n{rows}")
    assert [clip.channel for clip in manifest.clips] == [0, 1, None]
    assert ("bad_channel", 4) in [(p.kind, p.row) for p in manifest.problems]


def test_a_folder_of_tables(tmp_path: Path) -> None:
    for n in (1, 2):
        box, bare = f"1\tS\t1\t0.1\t0.{n}5\t1\t9\tFin Whale", "2\tS\t1\t1\t1.5\t1\t9\t"
        text = f"{HEAD}\tSpecies\n{box}\n{bare}\n"
        table(tmp_path / "labels" / f"dive_{n}.Table.1.selections.txt", text)
    table(tmp_path / "labels" / "readme.txt", "drawn by Ann, 2024\n")
    table(tmp_path / "labels" / "empty.txt", "")
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels"))
    assert manifest.source.name == "raven"
    assert spans(manifest) == [("dive_1.wav", 100, 150, "Fin Whale"), ("dive_2.wav", 100, 250, "Fin Whale")]
    reported = [(p.kind, p.file, p.row) for p in manifest.problems]
    assert reported == [
        ("empty_label", "dive_1", 3),
        ("empty_label", "dive_2", 3),
        ("not_a_table", "empty.txt", None),
        ("not_a_table", "readme.txt", None),
    ]
    assert "in dive_1.Table.1.selections.txt" in manifest.problems[0].message


def tables(tmp_path: Path, **members: str) -> Manifest:
    """An index of a folder of tables; two underscores in a name stand for a dot."""
    for name, text in members.items():
        table(tmp_path / "labels" / f"{name.replace('__', '.')}.txt", text)
    return index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels"))


ONE = f"{HEAD}\tSpecies\n1\tS\t1\t0.1\t0.6\t1\t9\tFin Whale\n"


EMPTY = [
    f"{HEAD}\n",
    f"{HEAD}\tSpecies\n",
    "",
    "# nothing heard\n",
    "\n\n",
    "\ufeff",
    f"# Ann\n{HEAD}\r\n# none",
]


@pytest.mark.parametrize("empty", EMPTY)
def test_a_table_in_which_nothing_was_found_is_effort_without_calls(tmp_path: Path, empty: str) -> None:
    manifest = tables(tmp_path, dive_1__Table__1__selections=ONE, dive_2__Table__1__selections=empty)
    assert spans(manifest) == [("dive_1.wav", 100, 600, "Fin Whale")]
    (note,) = manifest.problems  # and the recording is not called unlabelled
    assert (note.kind, note.file, note.is_note) == ("no_calls", "dive_2.wav", True)
    assert (
        "dive_2.Table.1.selections.txt has no rows, so the recording is effort without calls" in note.message
    )


def test_an_empty_table_beside_another_of_the_same_recording(tmp_path: Path) -> None:
    manifest = tables(
        tmp_path, dive_1__Table__1__selections=ONE, dive_1__Table__2__selections=f"{HEAD}\n", y=""
    )
    assert len(manifest.clips) == 1
    said = [(p.kind, p.file) for p in manifest.problems if p.kind != "unlabelled"]
    assert said == [("not_a_table", "dive_1.wav"), ("not_a_table", "y.txt")]
    assert "has no rows, and another table has rows for it" in manifest.problems[0].message


def test_a_table_without_annotation_is_refused_alone(tmp_path: Path) -> None:
    bare = f"{HEAD}\n1\tS\t1\t0.1\t0.6\t1\t9\n"
    manifest = tables(tmp_path, dive_1=ONE, dive_2=bare)
    assert len(manifest.clips) == 1
    refused = [p for p in manifest.problems if p.kind == "no_species_column"]
    assert [(p.file, p.is_note) for p in refused] == [("dive_2.txt", False)]
    assert "its 1 rows are not used" in refused[0].message
    with pytest.raises(ManifestError, match=r"dive_2.txt: no column says the species"):
        index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels", strict=True))


def test_tables_of_several_programs_in_one_folder(tmp_path: Path) -> None:
    table(tmp_path / "labels" / "b.csv", "file,species,start_s,end_s\ndive_2.wav,Blue,0.5,1\n")
    manifest = tables(tmp_path, dive_1=ONE, dive_2="1.0\t1.5\tFin Whale\n\\\t10\t90\n", page="<html>")
    assert sorted(spans(manifest)) == [
        ("dive_1.wav", 100, 600, "Fin Whale"),
        ("dive_2.wav", 500, 1000, "Blue"),
        ("dive_2.wav", 1000, 1500, "Fin Whale"),
    ]
    assert [(p.kind, p.file) for p in manifest.problems] == [("not_a_table", "page.txt")]


def test_the_annotation_column(tmp_path: Path) -> None:
    box = "1\tS\t1\t0.1\t0.5\t1\t9\tdive_1.wav\tFin Whale\t20 Hz\tx"
    text = f"{HEAD}\tBegin File\tSpecies\tCall Type\tMine\n{box}\n"
    assert boxes(tmp_path, text).labels.names == ("Fin Whale",)
    assert boxes(tmp_path, text, species_column="Call Type").labels.names == ("20 Hz",)
    assert boxes(tmp_path, text, species_column="mine").labels.names == ("x",)
    with pytest.raises(ManifestError, match=r"no column says the species .*Call Type.* --species-column"):
        boxes(tmp_path, text, species_column="Sort")
    with pytest.raises(ManifestError, match="no column says the species"):
        boxes(tmp_path, f"{HEAD}\n1\tS\t1\t0.1\t0.5\t1\t9\n")


def test_bad_boxes(tmp_path: Path) -> None:
    rows = [
        "1\tS\t1\tx\t0.5\t1\t9\tdive_1.wav\tFin Whale",
        "2\tS\t1\t\t0.5\t1\t9\tdive_1.wav\tFin Whale",
        "3\tS\t1\t0.5\t0.1\t1\t9\tdive_1.wav\tFin Whale",
        "4\tS\t1\t0.5\t0.9\t1\t9\tdive_9.wav\tFin Whale",
        "5\tS\t1\t0.5\t0.9\t1\t9\tdive_2.wav\tFin Whale",
    ]
    manifest = boxes(tmp_path, f"{HEAD}\tBegin File\tSpecies\n" + "\n".join(rows) + "\n")
    assert spans(manifest) == [("dive_2.wav", 500, 900, "Fin Whale")]
    reported = sorted((p.kind, p.row) for p in manifest.problems if p.row)
    assert reported == [("bad_span", 2), ("bad_span", 3), ("bad_span", 4), ("missing_file", 5)]


def test_no_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no selection tables"):
        index(IndexRequest(audio=tmp_path / "audio", source="raven"))
    with pytest.raises(InputError, match="no such labels file or folder"):
        index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "none", source="raven"))
    with pytest.raises(ManifestError, match=r"no column 'Begin Time \(s\)'"):
        boxes(tmp_path, "file\tspecies\ndive_1.wav\tWalrus\n", source="raven")
