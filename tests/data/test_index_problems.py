"""From labels and recordings to clips: a bad row or file is reported, and the others are used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from labelled import REST, indexed, kinds
from sounds import sound

from finback.core.errors import InputError, ManifestError
from finback.data.index import IndexRequest, index

# One bad row each: (extra header, the row for a.wav, kind, a word of the message, whether a clip stays)
BAD_ROWS = [
    ("", "e.wav,Walrus\na.wav,Walrus", "missing_file", "no such file", True),
    ("", ",Walrus\na.wav,Walrus", "missing_file", "names no file", True),
    ("", "a.wav,", "empty_label", "no species", False),
    ("", "a.wav,NaN", "empty_label", "no species", False),
    ("", "a.wav", "empty_label", "no species", False),
    ("", "a.wav,Beluga, White Whale", "columns", "3 values for 2 columns", False),
    ("", "a.wav,WALRUS", "spelling", "'WALRUS' (1x) is read as 'Walrus' (1x)", True),
    ("", "a.wav,Fin  whale", "spelling", "'Fin whale' (1x) is read as 'Fin Whale' (2x)", True),
    ("", "a.wav,Walrus\nA.WAV,Walrus", "duplicate_row", "same clip and species as row", True),
    (
        "",
        "a.wav,Walrus\na.wav,Fin Whale",
        "two_species",
        "'Walrus' here, 'Fin Whale' as a.wav (row 6)",
        False,
    ),
    ("", "a.wav,Walrus\nb.wav,Walrus\n", "two_species", "one sound under two species", True),
    (",start_s", "a.wav,Walrus,soon", "bad_span", "'soon' is not a number", False),
    (",start_s", "a.wav,Walrus,0:30", "bad_span", "'0:30' is not a number", False),
    (",start_s", "a.wav,Walrus,inf", "bad_span", "'inf' is not a number", False),
    (",start_s", "a.wav,Walrus,-0.5", "bad_span", "before the file", False),
    (",start_s", "a.wav,Walrus,1.5", "bad_span", "starts at 1.5 s, but the file lasts 1.000 s", False),
    (",end_s", "a.wav,Walrus,1.5", "bad_span", "ends at 1.5 s, but the file lasts 1.000 s", False),
    (",end_s", "a.wav,Walrus,0", "bad_span", "not after its start at 0 s", False),
    (",start_s,end_s", "a.wav,Walrus,0.5,0.4", "bad_span", "not after its start at 0.5 s", False),
    (",end_s", "a.wav,Walrus,0.009", "short", "lasts 9.00 ms (18 samples)", True),
    (",end_s", "a.wav,Walrus,0.007", "short", "lasts 7.00 ms (14 samples)", False),
    (",channel", "a.wav,Walrus,1", "bad_channel", "no channel 1", False),
    (",channel", "a.wav,Walrus,left", "bad_channel", "'left' is not a whole number", False),
    (",split", "a.wav,Walrus,holdout", "split_word", "unknown set 'holdout'", True),
    (",group", "a.wav,Walrus,t1\na.wav,Walrus,t2", "group_conflict", "'t1' and 't2'", True),
    (",start", "a.wav,Walrus,0.5", "ignored_column", "column 'start' is not read", True),
]


@pytest.mark.parametrize(("extra", "rows", "kind", "message", "kept"), BAD_ROWS)
def test_a_bad_row_is_reported_and_the_others_are_used(
    tmp_path: Path, audio: Path, extra: str, rows: str, kind: str, message: str, kept: bool
) -> None:
    if kind == "group_conflict":  # two rows of one span would be a repeat too
        extra, rows = ",group,end_s", "a.wav,Walrus,t1,\na.wav,Walrus,t2,0.5"
    text = f"file,species{extra}\n{REST}{rows}\n"
    manifest = indexed(tmp_path, text)
    matching = [problem for problem in manifest.problems if problem.kind == kind]
    assert len(matching) == 1, kinds(manifest)
    assert message in matching[0].message
    assert matching[0].repair
    assert "a.wav" in {manifest.file_of(clip) for clip in manifest.clips} or not kept
    assert {"c.flac", "d.wav"} <= {manifest.file_of(clip) for clip in manifest.clips}
    assert not (kept is False and "a.wav" in {manifest.file_of(clip) for clip in manifest.clips})
    if not matching[0].is_note:
        with pytest.raises(ManifestError, match=r"1 problem|2 problems"):
            indexed(tmp_path, text, strict=True)


def test_rows_are_numbered_as_in_the_spreadsheet(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(tmp_path, f"file,species\n{REST}\nx.wav,Walrus\na.wav,\n")
    assert kinds(manifest) == [("empty_label", 7), ("missing_file", 6)]


def test_unlabelled_recordings(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(tmp_path, "file,species\na.wav,Walrus\nd.wav,\n")
    reported = [(problem.kind, problem.file) for problem in manifest.problems]
    assert reported == [("empty_label", "d.wav"), ("unlabelled", "b.wav"), ("unlabelled", "c.flac")]


def test_ambiguous_names(tmp_path: Path, audio: Path) -> None:
    sound(audio / "s" / "e.wav")
    sound(audio / "t" / "e.wav")
    manifest = indexed(tmp_path, f"file,species\na.wav,Walrus\n{REST}e.wav,Walrus\n")
    assert kinds(manifest) == [("ambiguous_file", 6)]
    assert "s/e.wav or t/e.wav" in manifest.problems[0].message


def test_two_folders_in_the_table_are_not_one_file(tmp_path: Path, audio: Path) -> None:
    rows = "site1/a.wav,Walrus\nsite2/a.wav,Walrus\naudio/d.wav,Walrus\n"
    manifest = indexed(tmp_path, f"file,species\n{rows}b.wav,Walrus\nc.flac,Walrus\n")
    assert kinds(manifest) == [("ambiguous_file", 2), ("ambiguous_file", 3)]
    assert [manifest.file_of(clip) for clip in manifest.clips] == ["d.wav", "b.wav", "c.flac"]


def test_a_hint_for_a_mistyped_file(tmp_path: Path, audio: Path) -> None:
    sound(audio / "61025001.wav")
    manifest = indexed(tmp_path, "file,species\n61O25001.wav,Walrus\n61025001.wav,Walrus\n")
    assert manifest.problems[0].repair == "did you mean '61025001.wav'?"


def test_copies_are_kept_and_reported(tmp_path: Path, audio: Path) -> None:
    (audio / "e.wav").write_bytes((audio / "a.wav").read_bytes())
    manifest = indexed(tmp_path, f"file,species\na.wav,Walrus\n{REST}e.wav,Walrus\n")
    assert kinds(manifest) == [("duplicate_sound", 6)]
    assert "the same sound as a.wav (row 2)" in manifest.problems[0].message
    assert len(manifest.clips) == 5


def test_copies_under_two_species_are_both_dropped(tmp_path: Path, audio: Path) -> None:
    (audio / "e.wav").write_bytes((audio / "a.wav").read_bytes())
    manifest = indexed(tmp_path, f"file,species\na.wav,Walrus\n{REST}e.wav,Fin Whale\n")
    assert kinds(manifest) == [("two_species", 2)]
    assert {manifest.file_of(clip) for clip in manifest.clips} == {"b.wav", "c.flac", "d.wav"}


def test_overlapping_spans_of_two_species_are_no_conflict(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(tmp_path, f"file,species,end_s\n{REST}a.wav,Walrus,0.5\na.wav,Fin Whale,0.6\n")
    assert manifest.problems == ()
    assert len(manifest.clips) == 5


def test_unreadable_recordings(tmp_path: Path, audio: Path) -> None:
    (audio / "a.wav").write_bytes(b"not sound at all")
    whole = (audio / "c.flac").read_bytes()
    (audio / "c.flac").write_bytes(whole[: len(whole) // 2])
    samples = np.zeros(2000, np.float32)
    samples[1500] = np.nan
    soundfile.write(audio / "n.wav", samples, 2000, subtype="FLOAT")
    text = f"file,species,start_s,end_s\na.wav,Walrus\n{REST}n.wav,Walrus,0,0.5\nn.wav,Walrus,0.5,1\n"
    manifest = indexed(tmp_path, text)
    assert kinds(manifest) == [("unreadable", 2), ("unreadable", 4), ("unreadable", 7)]
    assert "NaN" in manifest.problems[2].message
    assert not any(str(tmp_path) in problem.message for problem in manifest.problems)
    assert [(manifest.file_of(c), c.start, c.stop) for c in manifest.clips] == [
        ("b.wav", 0, 2000),
        ("d.wav", 0, 2000),
        ("n.wav", 0, 1000),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,species\n", "no usable clip .4 unlabelled"),
        ("file,species\nx.wav,Walrus\n", "no usable clip .4 unlabelled, 1 missing_file"),
        ("", "empty"),
        ("PK\x03\x04", "workbook"),
    ],
)
def test_nothing_usable(tmp_path: Path, audio: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        indexed(tmp_path, text)


def test_no_labels_and_no_folders(tmp_path: Path, audio: Path) -> None:
    with pytest.raises(InputError, match="no label names a species"):
        index(IndexRequest(audio=audio))
    with pytest.raises(InputError, match="no label names a species"):
        index(IndexRequest(audio=audio, source="folder"))
    with pytest.raises(InputError, match="no such labels file"):
        index(IndexRequest(audio=audio, labels=tmp_path / "none.csv"))
    with pytest.raises(InputError, match="no such audio folder"):
        index(IndexRequest(audio=tmp_path / "none", labels=tmp_path / "none.csv"))
    with pytest.raises(InputError, match="no selection tables"):
        index(IndexRequest(audio=audio, labels=audio))
