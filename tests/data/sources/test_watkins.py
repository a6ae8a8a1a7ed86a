"""Tapes from record ids, and excerpts of unknown tape."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from finback.core.types import Clip, Recording
from finback.data.index import IndexRequest, index
from finback.data.sources.watkins import tape_groups, tape_of


@pytest.mark.parametrize(
    ("name", "tape"),
    [
        ("6102500A.flac", "61025"),
        ("6102500a.WAV", "61025"),
        ("54024001.flac", "54024"),
        ("9220100Z", "92201"),
        ("6102500A_2.flac", "61025"),
        ("6102500AB.flac", None),
        ("segment-bearded-seal-0513.flac", None),
        ("20240131.wav", None),
        ("00000012.wav", None),
        ("61025.flac", None),
        ("x6102500A.flac", None),
    ],
)
def test_tape_of(name: str, tape: str | None) -> None:
    assert tape_of(name) == tape


def clip(name: str, species: str = "Walrus", rate: int = 20_000) -> Clip:
    return Clip(Recording(name, Path(name), rate, 1000), 0, 1000, species)


def groups(*clips: Clip) -> dict[str, str]:
    return {path.name: group for path, group in tape_groups(clips)[0].items()}


def test_a_named_tape_is_the_group_whatever_the_species() -> None:
    assert groups(clip("61025001.wav"), clip("6102500A.wav", "Minke Whale", 5000), clip("61026001.wav")) == {
        "61025001.wav": "61025",
        "6102500A.wav": "61025",
        "61026001.wav": "61026",
    }


def test_an_excerpt_may_be_of_any_tape_of_its_species_at_its_rate() -> None:
    found = groups(
        clip("61025001.wav"),
        clip("61026001.wav"),
        clip("61027001.wav", rate=40_000),
        clip("61028001.wav", "Minke Whale"),
        clip("seg1.wav"),
        clip("seg2.wav"),
    )
    assert found == {
        "61025001.wav": "61025+61026",
        "61026001.wav": "61025+61026",
        "61027001.wav": "61027",
        "61028001.wav": "61028",
        "seg1.wav": "61025+61026",
        "seg2.wav": "61025+61026",
    }


def test_groups_that_share_a_tape_are_joined() -> None:
    found = groups(
        clip("61025001.wav"),
        clip("61026001.wav"),
        clip("61026002.wav", "Minke Whale"),
        clip("61027001.wav", "Minke Whale"),
        clip("61028001.wav", "Minke Whale"),
        clip("seg1.wav"),
        clip("seg2.wav", "Minke Whale"),
    )
    assert set(found.values()) == {"61025+3 tapes"}


def test_an_excerpt_of_no_tape_is_a_group_by_species_and_rate() -> None:
    found = groups(clip("s1.wav"), clip("s2.wav"), clip("s3.wav", rate=40_000), clip("s4.wav", "Ross Seal"))
    assert found == {
        "s1.wav": "unknown:Walrus@20000",
        "s2.wav": "unknown:Walrus@20000",
        "s3.wav": "unknown:Walrus@40000",
        "s4.wav": "unknown:Ross Seal@20000",
    }


def test_an_excerpt_of_two_species_joins_both() -> None:
    one = clip("s1.wav")
    found = groups(
        one, Clip(one.recording, 0, 500, "Ross Seal"), clip("61025001.wav", "Ross Seal"), clip("s2.wav")
    )
    assert set(found.values()) == {"61025"}


def test_the_order_of_clips_does_not_matter() -> None:
    clips = [clip("61025001.wav"), clip("61026001.wav"), clip("s1.wav"), clip("s2.wav", "Ross Seal")]
    assert groups(*clips) == groups(*clips[::-1])


def test_notes_count_what_was_decided() -> None:
    _, notes = tape_groups(
        [clip("61025001.wav"), clip("s1.wav"), clip("s2.wav"), clip("s3.wav", "Ross Seal")]
    )
    assert [note.kind for note in notes] == ["unknown_tape", "unknown_tape"]
    assert "2 files" in notes[0].message
    assert "2 of Walrus in '61025'" in notes[0].message
    assert "1 of Ross Seal in 'unknown:Ross Seal@20000'" in notes[1].message
    assert tape_groups([clip("61025001.wav")])[1] == ()


@pytest.fixture(scope="module")
def both(watkins: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Our group and the metadata's, by file name."""
    manifest = index(IndexRequest(audio=watkins / "audio", labels=watkins / "labels.csv"))
    with open(watkins / "metadata.csv", newline="") as file:
        known = {row["file"]: row["group"] for row in csv.DictReader(file)}
    return {c.recording.path.name: c.group for c in manifest.clips}, known


@pytest.mark.real
def test_groups_against_the_metadata(both: tuple[dict[str, str], dict[str, str]]) -> None:
    """Names alone give most of what the metadata knows; what they cannot give is counted here, not hidden.

    The metadata joins tapes by knowledge that names do not hold (who re-cut what; excerpts resampled to
    22,050 Hz), so a metadata group may lie in several of ours: 12 of 61 do.
    """
    ours, known = both
    parts, wholes = defaultdict(set), defaultdict(set)
    for name, group in ours.items():
        parts[known[name]].add(group)
        wholes[group].add(known[name])
    assert (len(wholes), len(parts)) == (72, 61)
    assert sum(len(groups) > 1 for groups in parts.values()) == 12
    assert sum(len(groups) > 1 for groups in wholes.values()) == 4
    # Among files with record ids only two groups are split: there the metadata merged whole tapes.
    by_id = defaultdict(set)
    for name, group in ours.items():
        if tape_of(name):
            by_id[known[name]].add(group)
    assert sorted(group for group, found in by_id.items() if len(found) > 1) == ["54024", "62031"]


@pytest.mark.real
def test_the_groups_file_outweighs_the_names(
    watkins: Path, both: tuple[dict[str, str], dict[str, str]]
) -> None:
    manifest = index(
        IndexRequest(
            audio=watkins / "audio", labels=watkins / "labels.csv", groups=f"{watkins / 'metadata.csv'}:group"
        )
    )
    assert {clip.recording.path.name: clip.group for clip in manifest.clips} == both[1]
    assert [problem.kind for problem in manifest.problems] == ["duplicate_sound"]
