"""One writer for each folder, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finback.core.errors import InputError, LockError, WriteError
from finback.core.storage import locks
from finback.core.storage.files import write_atomic
from finback.core.storage.locks import LOCK, only_writer
from finback.core.storage.temporaries import new_temporary

HOLD = """
import sys, time
from pathlib import Path
from finback.core.storage.locks import only_writer
with only_writer(Path(sys.argv[1])):
    (Path(sys.argv[1]) / "held").touch()
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_process(folder: Path, seconds: float = 60) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is the only writer of the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), str(seconds)])
    try:
        while not (folder / "held").exists() and process.poll() is None:
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_process_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    with another_process(tmp_path) as first:
        with pytest.raises(LockError) as error, only_writer(tmp_path):
            pass
        assert f"process {first.pid} on " in error.value.problem
        assert "since 2" in error.value.problem
        assert "another --out" in error.value.repair
    with only_writer(tmp_path):  # kill -9 left no lock
        pass


def test_waiting_for_the_turn(tmp_path: Path) -> None:
    with another_process(tmp_path, seconds=0.5), only_writer(tmp_path, wait_s=30):
        write_atomic(tmp_path / "a.txt", "mine")


def test_one_process_may_nest_but_not_two_threads(tmp_path: Path) -> None:
    refused = []

    def other_thread() -> None:
        try:
            with only_writer(tmp_path):
                pass
        except LockError as error:
            refused.append(error)

    with only_writer(tmp_path), only_writer(tmp_path / "." / "x" / ".."):
        with only_writer(tmp_path):
            pass
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with only_writer(tmp_path):
        pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(KeyError), only_writer(tmp_path / "out"):
        raise KeyError
    with another_process(tmp_path / "out") as other:
        assert other.poll() is None


def test_the_file_that_stays_names_nobody(tmp_path: Path) -> None:
    with only_writer(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    assert (tmp_path / LOCK).read_bytes() == b""
    (tmp_path / LOCK).write_bytes(b"\0\xffnonsense")
    with another_process(tmp_path):
        (tmp_path / LOCK).write_bytes(b"{}")
        with pytest.raises(LockError, match="another process writes there now;"), only_writer(tmp_path):
            pass


def test_work_that_failed_before_it_wrote_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), only_writer(tmp_path / "out"):
        raise KeyError
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine").mkdir()
    with only_writer(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


def test_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = new_temporary(tmp_path / "a.csv")
    stale = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    stale.touch()
    with only_writer(tmp_path):
        assert mine.exists()
        assert not stale.exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="is a file, or lies below a file"), only_writer(folder):
            pass


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="give a shorter name"), only_writer(tmp_path / ("n" * 300)):
        pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="could not be written"), only_writer(tmp_path):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(tmp_path / "private")
    with pytest.raises(WriteError), only_writer(tmp_path / "out"):
        pass
    assert (tmp_path / "private").read_text() == "mine"


@pytest.mark.parametrize("number", sorted(locks.NO_LOCKS))
def test_a_file_system_without_locks_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with only_writer(tmp_path / "out"):
        write_atomic(tmp_path / "out" / "a.txt", "x")
    assert "this file system has no locks" in caplog.text


def test_processes_of_one_training_share_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_process(tmp_path):
        monkeypatch.setenv("LOCAL_RANK", "1")
        with only_writer(tmp_path):
            pass
        monkeypatch.setenv("LOCAL_RANK", "0")
        with pytest.raises(LockError), only_writer(tmp_path):
            pass


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_child_of_a_killed_process_does_not_hold_the_lock(tmp_path: Path) -> None:
    script = HOLD.replace("time.sleep", "__import__('os').fork(); time.sleep")
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), "3"])
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with only_writer(tmp_path):
        pass
