"""The manifest's round trip and fingerprint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sounds import sound

from finback.core.errors import FinbackError, ManifestError
from finback.core.types import Clip, Recording
from finback.data.index import IndexRequest, index
from finback.data.manifest import COLUMNS, Manifest, SourceInfo
from finback.data.problems import Problem

START = datetime(2020, 6, 23, 0, 1, 52, 885_000, tzinfo=UTC)
SOURCE = SourceInfo("folder", "CC0", "Ann, 2024", chosen="auto: a labels file")


def manifest(root: Path, name: str = "a.wav", label: str = "Fin Whale", group: str = "t1") -> Manifest:
    plain = Recording("0" * 16, root / name, 44_100, 441_001, 2, group, START, (), "folder", "CC0, by Ann")
    cycled = replace(plain, id="1" * 16, path=root / "sub" / "b.x.wav", schedule=((0, START), (700, START)))
    clips = (
        Clip(plain, 1, 44_101, label, 0),
        Clip(plain, 100_001, 441_001, label),
        Clip(cycled, 0, 441_001, 'Grampus, "Risso\'s" Dolphin'),
    )
    problems = (Problem("missing_file", "c, d.wav", 7, 'no "such" file', "add it"),)
    return Manifest(clips, problems, SOURCE, root, ("train", "", "test"))


def test_round_trip(tmp_path: Path) -> None:
    first = manifest(tmp_path)
    first.save(tmp_path / "run" / "manifest.csv")
    assert Manifest.load(tmp_path / "run" / "manifest.csv") == first


TEXT = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0/"), min_size=1, max_size=20
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXT.filter(lambda n: n not in (".", "..")), label=TEXT, group=TEXT)
def test_round_trip_of_any_names(tmp_path: Path, name: str, label: str, group: str) -> None:
    first = manifest(tmp_path, name, label, group)
    first.save(tmp_path / "manifest.csv")
    assert Manifest.load(tmp_path / "manifest.csv") == first


def test_without_sides_start_times_or_groups(tmp_path: Path) -> None:
    recording = Recording("2" * 16, tmp_path / "a.wav", 2000, 400)
    first = Manifest((Clip(recording, 0, 400, "Minke Whale"),), (), SOURCE, tmp_path)
    first.save(tmp_path / "manifest.csv")
    assert Manifest.load(tmp_path / "manifest.csv") == first
    assert Manifest.load(tmp_path / "manifest.csv").subset_of is None


def test_the_recordings_may_move(tmp_path: Path) -> None:
    manifest(tmp_path / "old").save(tmp_path / "manifest.csv")
    moved = Manifest.load(tmp_path / "manifest.csv", audio=tmp_path / "new")
    assert moved.clips[2].recording.path == tmp_path / "new" / "sub" / "b.x.wav"
    assert moved.fingerprint == manifest(tmp_path).fingerprint


def test_what_it_saved_is_a_labels_file(tmp_path: Path) -> None:
    sound(tmp_path / "audio" / "a, b.wav", seconds=1.0, rate=44_100)
    sound(tmp_path / "audio" / "é" / "c.wav", seconds=0.7, rate=96_000, channels=2)
    (tmp_path / "labels.csv").write_text(
        "file,species,group,start_s,end_s,channel,split,licence\n"
        '"a, b.wav","Beluga, White Whale",t1,0.123456,0.77,,train,CC0\n'
        "é/c.wav,Épaulard,t2,0.1,,1,test,\n"
    )
    first = index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv"))
    assert [p.kind for p in first.problems] == ["half_span"]  # no end in row 3
    first.save(tmp_path / "manifest.csv")
    again = index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "manifest.csv"))
    assert again == replace(first, source=again.source, problems=())
    header, row = (tmp_path / "manifest.csv").read_text().splitlines()[:2]
    assert header == ",".join(COLUMNS)
    assert row.startswith('"a, b.wav","Beluga, White Whale",t1,5444,33957,,')


def test_the_fingerprint_is_of_sounds_labels_and_groups(tmp_path: Path) -> None:
    base = manifest(tmp_path)
    assert len(base.fingerprint) == 16
    assert manifest(tmp_path / "elsewhere", name="z.wav").fingerprint == base.fingerprint
    assert replace(base, clips=base.clips[::-1]).fingerprint == base.fingerprint
    others = [
        manifest(tmp_path, label="Minke Whale"),
        manifest(tmp_path, group="t2"),
        replace(base, clips=base.clips[:2]),
        replace(base, clips=(replace(base.clips[0], start=2), *base.clips[1:])),
        replace(base, clips=(replace(base.clips[0], channel=1), *base.clips[1:])),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_counts_and_labels(tmp_path: Path) -> None:
    base = manifest(tmp_path)
    assert list(base.species_counts().items()) == [("Fin Whale", 2), ('Grampus, "Risso\'s" Dolphin', 1)]
    assert base.labels.names == ("Fin Whale", 'Grampus, "Risso\'s" Dolphin')


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("recording_id", "id"), "not a manifest .no column recording_id"),
        (lambda text: text.replace("44101", "x"), "row 2 is damaged"),
        (lambda text: text.replace("44101", "0"), "row 2 is damaged"),
        (lambda text: text[: text.rindex("44100")], "row 4 is damaged"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, spoil, message: str) -> None:
    path = tmp_path / "manifest.csv"
    manifest(tmp_path).save(path)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ManifestError, match=message):
        Manifest.load(path)


def test_a_missing_manifest_or_its_problems(tmp_path: Path) -> None:
    with pytest.raises(FinbackError, match=r"problems\.json: no such file"):
        Manifest.load(tmp_path / "manifest.csv")
    manifest(tmp_path).save(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(ManifestError, match="no such manifest"):
        Manifest.load(tmp_path / "manifest.csv")
    manifest(tmp_path).save(tmp_path / "manifest.csv")
    for damage in ('{"schedules": "x"}', '{"problems": [3]}', "[1]", '{"audio": 3}'):
        (tmp_path / "problems.json").write_text(damage)
        with pytest.raises(ManifestError, match="damaged"):
            Manifest.load(tmp_path / "manifest.csv")
    (tmp_path / "problems.json").write_text("{}")
    with pytest.raises(ManifestError, match="damaged"):
        Manifest.load(tmp_path / "manifest.csv")
