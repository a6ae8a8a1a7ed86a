"""What every source must have, and which one `auto` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sounds import sound, table

from finback.core.errors import InputError, SettingsError
from finback.core.settings import build
from finback.data.file_matching import AudioFolder
from finback.data.index import IndexRequest, index
from finback.data.label_files import choose
from finback.data.sources import SOURCES
from finback.data.sources.base import Source, load_source, species_name, subset_word


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_says_terms_and_whom_to_cite(name: str) -> None:
    source = load_source(name)
    assert isinstance(source, Source)
    assert source.info.name == name
    assert source.info.licence
    assert len(source.info.citation) > 20
    assert source.info.chosen == ""
    assert type(source).__module__ == f"finback.data.sources.{name}"


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_can_be_asked_for(name: str, tmp_path: Path) -> None:
    sound(tmp_path / "audio" / "Walrus" / "72002001.wav")
    text = "file\tspecies\tBegin Time (s)\tEnd Time (s)\n72002001.wav\tWalrus\t0\t0.1\n"
    labels = None if name == "beans" else table(tmp_path / "labels.txt", text)
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=labels, source=name))
    assert (manifest.source.name, manifest.source.chosen) == (name, "asked for")
    assert [clip.label for clip in manifest.clips] == ["Walrus"]
    assert manifest.clips[0].recording.source == name
    assert manifest.clips[0].recording.licence == manifest.source.licence
    assert manifest.clips[0].group == ("72002" if name == "watkins" else "")


def test_an_unknown_source_is_no_request(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="source"):
        build(IndexRequest, {"audio": tmp_path, "source": "xeno-canto"})


RECORD_IDS = ["61025001.wav", "6102500A.wav", "segment-1.wav"]
TWO_IDS = "file,species\n61025001,Walrus\naudio\\6102500A.WAV,Walrus\nsegment-1.wav,Walrus\n"
SELECTIONS = "Selection\tBegin Time (s)\tEnd Time (s)\tSpecies\n1\t0\t0.1\tWalrus\n"
CHOICES = [
    (["a.wav"], "labels.csv", "file,species\na.wav,Walrus\n", "folder", "a labels file"),
    (RECORD_IDS, "labels.csv", TWO_IDS, "watkins", "2 of 3 files"),
    # recordings that the table does not name change nothing, else the tapes would leak
    ([*RECORD_IDS, "b.wav", "c.wav", "d.wav", "e.wav"], "labels.csv", TWO_IDS, "watkins", "2 of 3 files"),
    (RECORD_IDS, "labels.csv", "file,species\nsegment-1.wav,Walrus\n", "folder", "a labels file"),
    (RECORD_IDS, "labels.csv", "file,species,group\n61025001,Walrus,\n", "watkins", "1 of 1 files"),
    (RECORD_IDS, "labels.csv", "file,species,group\n61025001,Walrus,t1\n", "folder", "name groups"),
    # a row without a group gets its tape
    (RECORD_IDS, "labels.csv", "file,species,group\n61025001,Pup,t1\n6102500A,Pup,\n", "watkins", "2 of 2"),
    (["a.wav", "b.wav"], "labels.csv", "file,species,group\na,Pup,t1\nb,Pup,\n", "folder", "name groups"),
    (RECORD_IDS, "labels.csv", "file,species\n20240131,Walrus\n00000012,Walrus\n", "folder", "a labels file"),
    (["Walrus/a.wav"], None, "", "beans", "folders name the species"),
    (["Walrus/6102500A.wav"], None, "", "watkins", "1 of 1 files"),
    (["a.wav"], "a.txt", SELECTIONS, "raven", "selection tables"),
    (["a.wav"], "tables/a.Table.1.selections.txt", SELECTIONS, "raven", "selection tables"),
    (["a.wav"], "labels.txt", "file\tspecies\na.wav\tWalrus\n", "folder", "a labels file"),
]


@pytest.mark.parametrize(("sounds", "name", "text", "source", "why"), CHOICES)
def test_auto(tmp_path: Path, sounds: list[str], name: str | None, text: str, source: str, why: str) -> None:
    for file in sounds:
        sound(tmp_path / "audio" / file)
    labels = table(tmp_path / name, text) if name else None
    if name and "/" in name:
        labels = tmp_path / "tables"
    request = IndexRequest(audio=tmp_path / "audio", labels=labels)
    chosen, reason = choose(request, AudioFolder.scan(request.audio))
    assert chosen == source
    assert reason.startswith("auto: ")
    assert why in reason


def test_beans_reads_folders_and_sets(tmp_path: Path) -> None:
    for file in ("train/Killer Whale/a.wav", "train/Walrus/x/b.wav", "valid/Walrus/c.wav", "d.wav"):
        sound(tmp_path / file)
    manifest = index(IndexRequest(audio=tmp_path))
    labelled = [(manifest.file_of(clip), clip.label) for clip in manifest.clips]
    assert labelled == [
        ("train/Killer Whale/a.wav", "Killer Whale"),
        ("train/Walrus/x/b.wav", "Walrus"),
        ("valid/Walrus/c.wav", "Walrus"),
    ]
    assert manifest.subset_of == ("train", "train", "val")
    assert [(p.kind, p.file) for p in manifest.problems] == [("unlabelled", "d.wav")]


def test_beans_without_sets(tmp_path: Path) -> None:
    sound(tmp_path / "Test" / "a.wav")
    sound(tmp_path / "Walrus" / "b.wav")
    manifest = index(IndexRequest(audio=tmp_path))
    assert manifest.labels.names == ("Test", "Walrus")  # a species may be called Test, if there are others
    assert manifest.subset_of is None
    with pytest.raises(InputError, match="a labels file has no use"):
        index(IndexRequest(audio=tmp_path, labels=table(tmp_path / "l.csv", "x"), source="beans"))


def test_words() -> None:
    assert [subset_word(w) for w in ("Train", " validation ", "TEST", "", "nan", "hold-out")] == [
        *("train", "val", "test", "", ""),
        None,
    ]
    assert species_name(" Beluga,\u00a0 White\nWhale ") == "Beluga, White Whale"
    assert species_name("N/A") == ""
    assert species_name("e\u0301paulard") == "épaulard"
