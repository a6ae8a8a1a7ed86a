"""Groups from a table of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sounds import sound, table

from finback.core.errors import InputError
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest


@pytest.fixture(autouse=True)
def audio(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav", "c.wav"):
        sound(tmp_path / "audio" / name)
    return tmp_path / "audio"


def grouped(tmp_path: Path, text: str, column: str = "tape", labels: str = "", **options) -> Manifest:
    table(tmp_path / "labels.csv", labels or "file,species\na.wav,Walrus\nb.wav,Walrus\nc.wav,Walrus\n")
    table(tmp_path / "tapes.csv", text)
    groups = f"{tmp_path / 'tapes.csv'}:{column}"
    return index(
        IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv", groups=groups, **options)
    )


def test_groups_by_file_and_rows_of_other_files(tmp_path: Path) -> None:
    manifest = grouped(tmp_path, "file,tape\nA,t1\nb.flac,t2\nx/c.wav,t1\nother.wav,t9\n")
    assert [clip.group for clip in manifest.clips] == ["t1", "t2", "t1"]
    assert manifest.problems == ()


def test_the_groups_file_outweighs_the_labels(tmp_path: Path) -> None:
    labels = "file,species,group\na.wav,Walrus,old1\nb.wav,Walrus,old2\nc.wav,Walrus,\n"
    manifest = grouped(tmp_path, "file,tape\na.wav,t1\n", labels=labels)
    assert [clip.group for clip in manifest.clips] == ["t1", "old2", ""]
    (problem,) = manifest.problems
    assert (problem.kind, problem.file) == ("no_group", "tapes.csv")
    assert "b.wav and 1 more" in problem.message


def test_a_file_in_two_groups(tmp_path: Path) -> None:
    manifest = grouped(tmp_path, "file,tape\na.wav,t1\na.wav,t2\na,t2\nb.wav,t3\nc.wav,t3\n")
    assert [clip.group for clip in manifest.clips] == ["t2", "t3", "t3"]
    assert [(p.kind, p.file, p.row) for p in manifest.problems] == [("group_conflict", "a.wav", 4)]


def test_one_recordings_spans_share_its_group(tmp_path: Path) -> None:
    labels = "file,species,end_s\na.wav,Walrus,0.1\na.wav,Walrus,0.2\nb.wav,Walrus,\nc.wav,Walrus,\n"
    manifest = grouped(tmp_path, "filename,tape\na.wav,t1\nb.wav,t1\nc.wav,t1\n", labels=labels)
    assert [clip.group for clip in manifest.clips] == ["t1"] * 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("{}/tapes.csv", "names no column; write it as table.csv:column"),
        ("{}/tapes.csv:", "names no column"),
        (":tape", "names no column"),
        ("C:\\tapes.csv", "names no column"),
        ("{}/tape.csv:tape", "no such groups file"),
        ("{}/tapes.csv:tapes", r"no column 'tapes' .it has: file, tape.; write --groups .*tapes.csv:tape$"),
        ("{}/tapes.csv:file", "."),
    ],
)
def test_a_wrong_option(tmp_path: Path, option: str, message: str) -> None:
    table(tmp_path / "labels.csv", "file,species\na.wav,Walrus\n")
    table(tmp_path / "tapes.csv", "file,tape\nx.wav,t1\n")
    request = IndexRequest(
        audio=tmp_path / "audio", labels=tmp_path / "labels.csv", groups=option.format(tmp_path)
    )
    with pytest.raises(InputError, match=message):
        index(request)


def test_a_table_of_other_recordings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names none of the recordings"):
        grouped(tmp_path, "file,tape\nx.wav,t1\n")
    with pytest.raises(InputError, match=r"no column 'file' .it has: tape, n.*--file-column"):
        grouped(tmp_path, "tape,n\nt1,2\n")
