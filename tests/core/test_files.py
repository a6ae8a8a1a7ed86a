"""Files are whole or absent."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from finback.core.errors import FinbackError, RunError
from finback.core.files import atomic_path, read_json, write_atomic, write_json


def test_round_trip_makes_folders(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"name": "Grampus, Risso's Dolphin – é"})
    assert read_json(tmp_path / "a" / "b.json") == {"name": "Grampus, Risso's Dolphin – é"}


def test_failure_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def killed_in_the_middle() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed_in_the_middle()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(FinbackError, match=r"a\.txt: could not be written.*free some space"),
        atomic_path(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FinbackError, match="could not be written"):
        write_atomic(tmp_path / "file" / "a.txt", "x")


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00"])
def test_damaged_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RunError, match=r"a\.json: damaged"):
        read_json(tmp_path / "a.json")
    with pytest.raises(RunError, match="no such file"):
        read_json(tmp_path / "b.json")


def test_the_temporary_keeps_its_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.npy") as temporary:
        assert temporary.suffix == ".npy"
        temporary.write_text(json.dumps(1))
