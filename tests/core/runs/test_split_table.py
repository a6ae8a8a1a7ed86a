"""split.csv and held.csv: what is written is read, and so are the tables of version 0.1.0."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs.split_table import (
    load_held_out,
    load_split,
    read_held_out,
    read_rows,
    save_held_out,
    save_split,
)
from finback.core.types import Clip, Recording, Split


def clip(name: str, group: str) -> Clip:
    return Clip(Recording(name, Path(f"{name}.wav"), 1000, 500, 1, group), 0, 500, "fin")


A, B, C, D, E = clip("a", "t1"), clip("b", "t1"), clip("c", "t2"), clip("d", "t3"), clip("e", "t3")
SPLIT = Split((A, B), (C,), (D,), set_aside=(E,))
OLD_HEADER = "recording_id,file,start,stop,channel,species,group,side\n"


def old(path: Path, **sides: str) -> Path:
    """A table of version 0.1.0, whose column was called `side`."""
    groups = {"a": "t1", "b": "t1", "c": "t2", "d": "t3", "e": "t3"}
    rows = [f"{name},{name}.wav,0,500,-1,fin,{groups[name]},{side}\n" for name, side in sides.items()]
    path.write_text(OLD_HEADER + "".join(rows))
    return path


def test_a_split_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    save_split(path, SPLIT)
    subsets = {row.recording_id: row.subset for row in read_rows(path)}
    assert subsets == {"a": "train", "b": "train", "c": "validation", "d": "test", "e": "set_aside"}
    assert load_split(path, (A, B, C, D, E), "group") == SPLIT


def test_the_held_out_clips_come_back(tmp_path: Path) -> None:
    path = tmp_path / "held.csv"
    save_held_out(path, [A], [B], SPLIT)
    subsets = {row.recording_id: row.subset for row in read_held_out(path)}
    assert subsets == {"a": "train", "b": "held_out", "c": "validation", "d": "test"}
    assert load_held_out(path, (A, B, C, D, E), SPLIT) == {
        "train": (A,),
        "held_out": (B,),
        "validation": (C,),
        "test": (D,),
    }


def test_tables_of_version_0_1_0(tmp_path: Path) -> None:
    """`val`, and a held.csv that listed held-out clips as train and training clips as set aside."""
    split = old(tmp_path / "split.csv", a="train", b="train", c="val", d="test", e="set_aside")
    assert load_split(split, (A, B, C, D, E), "group") == SPLIT
    assert [row.subset for row in read_rows(split)][2] == "validation"
    held = old(tmp_path / "held.csv", a="set_aside", b="train")
    assert load_held_out(held, (A, B, C, D, E), SPLIT)["held_out"] == (B,)
    assert load_held_out(held, (A, B, C, D, E), SPLIT)["train"] == (A,)


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"split\.csv: missing or damaged"):
        read_rows(tmp_path / "split.csv")
    for damage in (b"a,b\n1,2\n", b"\xff", b'"', b"a,a\n", b"a,b\n1,2,3\n"):
        (tmp_path / "split.csv").write_bytes(damage)
        with pytest.raises(RunError, match=r"split\.csv: (missing or )?damaged"):
            read_rows(tmp_path / "split.csv")
    save_split(tmp_path / "split.csv", SPLIT)
    whole = (tmp_path / "split.csv").read_text()
    for old_text, new_text in ((",0,", ",1_0,"), (",0,", ",٣,"), (",0,", ",,"), ("train\n", "train,x\n")):
        (tmp_path / "split.csv").write_text(whole.replace(old_text, new_text, 1))
        with pytest.raises(RunError, match=r"row \d is damaged"):
            read_rows(tmp_path / "split.csv")
    save_split(tmp_path / "split.csv", SPLIT)
    with pytest.raises(RunError, match=r"does not fit the run's manifest\.csv \(no clip of b\.wav\)"):
        load_split(tmp_path / "split.csv", (A, C, D, E), "group")
    old(tmp_path / "split.csv", a="exam")
    with pytest.raises(RunError, match="unknown set 'exam'"):
        load_split(tmp_path / "split.csv", (A,), "group")
