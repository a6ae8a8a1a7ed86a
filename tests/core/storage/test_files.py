"""Files are whole or absent."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from finback.core.errors import FinbackError, RunError, WriteError
from finback.core.storage import files
from finback.core.storage.files import atomic_path, read_json, write_atomic, write_json
from finback.core.storage.temporaries import is_temporary, sweep


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


def no_temporaries(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if is_temporary(path.name)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EROFS, errno.EBADF, errno.EACCES])
def test_where_the_system_refuses_to_sync_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    write_atomic(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_a_file_is_synced_through_a_handle_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    modes = []

    def fsync(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            modes.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(tmp_path / "a.txt", "x")
    assert modes == [os.O_RDWR], "Windows refuses to sync a handle that only reads"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_is_full_when_synced_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write_atomic(tmp_path / "a.txt", "old")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WriteError, match=r"a\.txt: could not be written"):
        write_atomic(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert no_temporaries(tmp_path)


def test_a_short_write_of_numpy_is_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match=r"No space left.*free some space"),
        atomic_path(tmp_path / "a.npy"),
    ):
        raise OSError("8192 requested and 4096 written")


def test_a_folder_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("folder", "pipe", "link"):
        with pytest.raises(WriteError, match=rf"{name}: could not be written .*give the name of a file"):
            write_atomic(tmp_path / name, "x")
    assert no_temporaries(tmp_path)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    private = tmp_path / "private.txt"
    private.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").symlink_to(private)
    write_atomic(tmp_path / "out" / "a.txt", "new")
    assert private.read_text() == "mine"
    assert not (tmp_path / "out" / "a.txt").is_symlink()


def test_a_temporary_is_made_new_and_its_name_is_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["0" * 16, "0" * 16, "1" * 16])
    monkeypatch.setattr(secrets, "token_hex", lambda n: next(drawn))
    (tmp_path / "private.txt").write_text("mine")
    with atomic_path(tmp_path / "a.txt") as first:
        assert is_temporary(first.name)
        first.unlink()
        first.symlink_to(tmp_path / "private.txt")  # put there by another person
        with atomic_path(tmp_path / "b.txt") as second:
            assert second != first
            second.write_text("b")
        first.unlink()
        first.write_text("a")
    assert (tmp_path / "private.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["n" * 251 + ".csv", "é" * 120 + ".parquet", "a." + "s" * 250])
def test_a_name_of_full_length_has_a_temporary(tmp_path: Path, name: str) -> None:
    write_atomic(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="give a shorter name"):
        write_atomic(tmp_path / ("n" * 300), "x")
    assert no_temporaries(tmp_path)


def test_a_path_that_windows_cannot_take_is_said(tmp_path: Path) -> None:
    """Windows says only that the path does not exist."""
    path = tmp_path.joinpath(*["deep" * 10] * 8, "a.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "os", SimpleNamespace(path=os.path, name="nt"))
        assert "whole path has" in files._repair(path, FileNotFoundError(errno.ENOENT, "No such file"))


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from finback.core.storage.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1]) / 'deep' / 'a.npy'): os.kill(os.getpid(), 9)"
    )
    (tmp_path / "deep").mkdir()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert not no_temporaries(tmp_path)
    with atomic_path(tmp_path / "deep" / "b.txt") as mine:
        mine.write_text("b")
        (tmp_path / ".finback-1-abcdef-0123456789abcdef.tmp.npz").touch()  # of another host
        (tmp_path / ".finback-notes.tmp").touch()
        assert sweep(tmp_path) == 1
        assert mine.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".finback-1-abcdef-0123456789abcdef.tmp.npz",
        ".finback-notes.tmp",
        "deep",
    ]
