"""Splits of whole groups: each species in the sets that its groups allow, and refused input."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hand_made import THREE, clip, clips_of, everything, subsets_of

from finback.core.errors import LeakError, ManifestError, SettingsError, SplitError
from finback.core.settings import build
from finback.data.splits.balance import TEST
from finback.data.splits.groups import assign_groups
from finback.data.splits.split import SplitSettings, from_column, make_split, parse_fractions


def test_each_species_gets_the_sides_that_its_groups_allow() -> None:
    result = make_split(clips_of(THREE))
    fin, minke, sei, blue = (subsets_of(result, s) for s in ("fin", "minke", "sei", "blue"))
    assert fin["train"] == {"a": 14}
    assert {*fin["val"], *fin["test"]} == {"b", "c"}
    assert fin["val"]
    assert fin["test"]
    assert minke["train"] == {"d": 10}
    assert minke["test"] == {"e": 5}
    assert sei["train"] == {"f": 9}
    assert all(blue[name] for name in ("train", "val", "test"))
    assert list(result.untestable) == ["sei"]
    assert "'f'" in result.untestable["sei"]
    assert result.warnings == ()


def test_the_balance_table_counts_what_the_split_holds() -> None:
    result = make_split(clips_of(THREE))
    row = next(r for r in result.balance.to_json() if r["species"] == "fin")
    assert row["train"] == {"clips": 14, "groups": 1}
    lines = result.balance.lines()
    assert lines[0].split() == ["species", "train", "val", "test", "aside", "%", "test"]
    assert any(line.startswith("sei") and "9/1" in line for line in lines)
    assert lines[-3].startswith("all")
    assert len(result.split.test) == int(result.balance.clips[:, TEST].sum())


def test_a_single_group_species_keeps_its_tape_in_training() -> None:
    """The tape of `sei` could be minke's test set; the other tape must be taken."""
    table = {"minke": {"shared": 5, "own": 5}, "sei": {"shared": 6}, "fin": {"a": 6, "b": 3, "c": 3}}
    result = make_split(clips_of(table))
    assert subsets_of(result, "sei")["train"] == {"shared": 6}
    assert subsets_of(result, "minke")["test"] == {"own": 5}


def test_a_single_group_species_on_a_judged_tape_is_set_aside() -> None:
    """Both tapes of minke carry a species of their own: one of them has to be in the test set."""
    table = {"minke": {"x": 9, "y": 9}, "sei": {"x": 2}, "fin": {"y": 2}}
    result = make_split(clips_of(table))
    aside = {c.label for c in result.split.set_aside}
    assert len(aside) == 1
    name = aside.pop()
    assert name in ("sei", "fin")
    assert "set aside" in result.untestable[str(name)]
    assert not subsets_of(result, str(name))["train"]


def test_fractions_without_a_test_set() -> None:
    result = make_split(clips_of(THREE), SplitSettings(fractions=(0.85, 0.15, 0)))
    assert result.split.test == ()
    assert result.split.val
    assert subsets_of(result, "minke")["val"] == {"e": 5}
    whole = make_split(clips_of(THREE), SplitSettings(fractions=(1, 0, 0)))
    assert len(whole.split.train) == len(clips_of(THREE))
    assert whole.warnings == ()


def test_tiny_data() -> None:
    with pytest.raises(SplitError, match="no clips"):
        make_split([])
    with pytest.raises(SplitError, match=r"0\.wav.*without a species"):
        make_split([clip(None, "a", 0)])
    two = make_split([clip("fin", "a", 0), clip("fin", "a", 1)])
    assert len(two.split.train) == 2
    assert "fin" in two.untestable
    assert any("test set is empty" in w for w in two.warnings)
    two_groups = make_split([clip("fin", "a", 0), clip("fin", "b", 1)])
    assert (len(two_groups.split.train), len(two_groups.split.test)) == (1, 1)


def test_clips_of_one_recording_stay_together_without_any_group() -> None:
    one = [clip("fin", "", 0, start=s) for s in (0, 1000, 2000)]
    rest = [clip("fin", "", n) for n in range(1, 6)]
    result = make_split(one + rest)
    where = {
        name
        for name in ("train", "val", "test")
        for c in result.split.subset(name)
        if c.recording.id == "0" * 16
    }
    assert len(where) == 1


def test_by_clip_needs_its_name_and_says_so() -> None:
    clips = assign_groups(clips_of(THREE))
    result = make_split(clips, SplitSettings(by="clip"))
    assert result.split.by == "clip"
    assert "recognised, not species" in result.warnings[0]
    assert subsets_of(result, "sei")["test"]
    assert everything(result.split) == Counter(clips)
    for species, n in (("fin", 20), ("blue", 12)):
        totals = {name: sum(c.values()) for name, c in subsets_of(result, species).items()}
        assert totals["test"] == pytest.approx(0.15 * n, abs=1)
        assert totals["train"] == pytest.approx(0.7 * n, abs=1)
    single = make_split(
        [clip("fin", "a", 0), clip("sei", "b", 1), clip("sei", "b", 2)], SplitSettings(by="clip")
    )
    assert "fin" in single.untestable
    assert [c.label for c in single.split.test] == ["sei"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("70/15/10", "adds up to 95"),
        ("70/-15/45", "not between 0 and 100"),
        ("most/some/few", "not three numbers"),
        ("80/20", "not three numbers"),
        ("nan/50/50", "not between"),
        ("0/50/50", "leaves the training set empty"),
        ("", "not three numbers"),
    ],
)
def test_fractions_refused(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_fractions(text)


def test_fractions_read() -> None:
    assert parse_fractions("85/15/0") == (0.85, 0.15, 0.0)
    assert build(SplitSettings, {"fractions": [1 / 3, 1 / 3, 1 / 3]}).fractions[0] == 1 / 3


@pytest.mark.parametrize(
    "values",
    [
        {"fractions": (0.7, 0.1, 0.1)},
        {"fractions": (0, 0.5, 0.5)},
        {"folds": 1},
        {"folds": -2},
        {"by": "tape"},
    ],
)
def test_settings_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        build(SplitSettings, values)


def test_synthetic_clips_train_unless_their_tape_is_judged() -> None:
    real = clips_of(THREE)
    generated = [clip("fin", g, 1000 + n, synthetic=True) for n, g in enumerate(("a", "b", "c", ""))]
    prepared = assign_groups(real + generated)
    result = make_split(prepared)
    assert {c.group for c in result.split.train if c.synthetic} == {"a", f"{1003:016x}"}
    assert {c.group for c in result.split.set_aside if c.synthetic} == {"b", "c"}
    assert everything(result.split) == Counter(prepared)


def test_the_column_of_the_label_table_is_honoured() -> None:
    clips = clips_of({"fin": {"a": 2, "b": 1, "c": 1}, "sei": {"d": 1}})
    result = from_column(clips, ["train", "Training", "valid", "TEST", ""])
    assert subsets_of(result, "fin") == {"train": {"a": 2}, "val": {"b": 1}, "test": {"c": 1}, "aside": {}}
    assert subsets_of(result, "sei")["aside"] == {"d": 1}
    with pytest.raises(LeakError, match="'a'"):
        from_column(clips, ["train", "test", "val", "test", "train"])
    by_clip = from_column(clips, ["train", "test", "val", "test", "train"], by="clip")
    assert "recognised" in by_clip.warnings[0]
    with pytest.raises(ManifestError, match="'holdout'"):
        from_column(clips, ["train", "train", "holdout", "test", "train"])
    with pytest.raises(SplitError):
        from_column(clips, ["test"] * 5)
    assert "not in the training set" in from_column(clips, ["train"] * 4 + ["test"]).warnings[0]


def test_real_tapes_are_split_as_they_should(watkins: Path) -> None:
    rows = list(csv.DictReader((watkins / "metadata.csv").open()))
    clips = [clip(r["species"], r["group"], n) for n, r in enumerate(rows)]
    result = make_split(clips)
    tested = {c.label for c in result.split.test}
    several = {
        r["species"] for r in rows if len({q["group"] for q in rows if q["species"] == r["species"]}) > 1
    }
    assert tested == several
    assert {"Melon Headed Whale", "Harp Seal", "Humpback Whale"} <= set(result.untestable)
    assert 0.6 < len(result.split.train) / len(clips) < 0.8
    assert 0.1 < len(result.split.test) / len(clips) < 0.2


def test_clip_folds_need_a_species_with_as_many_clips() -> None:
    from finback.core.errors import SplitError
    from finback.core.types import Clip, Recording
    from finback.data.splits.split import SplitSettings, make_folds

    few = [
        Clip(Recording(f"{name}{i}", Path(f"{name}{i}.wav"), 8000, 8000, group=f"{name}{i}"), 0, 8000, name)
        for name in "ab"
        for i in range(4)
    ]
    with pytest.raises(SplitError, match="5 folds"):
        make_folds(few, SplitSettings(by="clip", folds=5))
    assert len(make_folds(few, SplitSettings(by="clip", folds=4))) == 4
