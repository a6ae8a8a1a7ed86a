"""Checks over all rows together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finback.core.types import Clip, Recording
from finback.data import label_checks as checks
from finback.data.label_checks import Entry
from finback.data.sources.base import LabelRow


def rows(*species: str) -> list[LabelRow]:
    return [LabelRow(f"{i}.wav", name, row=i) for i, name in enumerate(species, start=2)]


def entry(
    row: int, species: str, name: str = "a.wav", content: str = "0", stop: int = 100, group: str = ""
) -> Entry:
    clip = Clip(Recording(content, Path(name), 1000, 200), 0, stop, species)
    return Entry(LabelRow(name, species, row=row, group=group), clip)


def test_the_commonest_spelling_wins() -> None:
    found, problems = checks.one_spelling(rows("killer whale", "Killer Whale", "Killer Whale", "KillerWhale"))
    assert {row.species for row in found} == {"Killer Whale"}
    assert [(p.kind, p.row) for p in problems] == [("spelling", 2), ("spelling", 5)]


def test_the_first_spelling_wins_a_tie_and_each_is_reported_once() -> None:
    found, problems = checks.one_spelling(rows("Walrus", "walrus", "walrus", "Walrus", "Ross Seal"))
    assert [row.species for row in found] == ["Walrus"] * 4 + ["Ross Seal"]
    assert len(problems) == 1
    assert "'walrus' (2x) is read as 'Walrus' (2x)" in problems[0].message


def test_different_species_stay_different() -> None:
    found, problems = checks.one_spelling(rows("Northern Right Whale", "Southern Right Whale"))
    assert [row.species for row in found] == ["Northern Right Whale", "Southern Right Whale"]
    assert problems == []


def test_repeats_keep_the_first_of_each_span() -> None:
    entries = [
        entry(2, "Walrus"),
        entry(3, "Walrus"),
        entry(4, "Walrus", stop=50),
        entry(5, "Walrus", "b.wav"),
    ]
    found, problems = checks.repeats(entries)
    assert [e.row.row for e in found] == [2, 4, 5]
    assert [p.row for p in problems] == [3]


def test_conflicts_drop_every_clip_of_the_sound() -> None:
    entries = [entry(2, "Walrus"), entry(3, "Ross Seal", "b.wav"), entry(4, "Walrus", "c.wav", content="1")]
    found, problems = checks.conflicts(entries)
    assert [e.row.row for e in found] == [4]
    assert [(p.kind, p.row) for p in problems] == [("two_species", 2)]
    assert "'Ross Seal' as b.wav (row 3)" in problems[0].message


def test_copies_are_only_reported() -> None:
    entries = [entry(2, "Walrus"), entry(3, "Walrus", "b.wav"), entry(4, "Walrus", "c.wav", content="1")]
    found, problems = checks.copies(entries)
    assert found == entries
    assert [(p.kind, p.row) for p in problems] == [("duplicate_sound", 3)]


def test_the_commonest_group_of_a_recording() -> None:
    entries = [
        entry(row, "Walrus", stop=row, group=group) for row, group in enumerate(("t1", "t2", "t2", ""), 2)
    ]
    groups, problems = checks.labelled_groups(entries)
    assert groups == {Path("a.wav"): "t2"}
    assert [(p.kind, p.row) for p in problems] == [("group_conflict", 2)]
    agreeing = [replace(e, row=replace(e.row, group="t1")) for e in entries]
    assert checks.labelled_groups(agreeing) == ({Path("a.wav"): "t1"}, [])


def test_enough() -> None:
    entries = [entry(2, "Walrus"), entry(3, "Ross Seal"), entry(4, "Walrus")]
    found, problems = checks.enough(entries, 2)
    assert [e.row.row for e in found] == [2, 4]
    assert [(p.file, p.row) for p in problems] == [("Ross Seal", None)]
    assert checks.enough(entries, 1) == (entries, [])
