"""A recording is its content: a file that changed is never read as the recording that was indexed."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.audio import content
from finback.audio.content import content_id, is_there, require_content
from finback.audio.io import open_recording, write
from finback.audio.samples import read_clip
from finback.core.errors import AudioError
from finback.core.types import Clip, Recording

RATE = 2000


def recording_at(path: Path, seed: int = 0) -> Recording:
    write(path, np.random.default_rng(seed).normal(0, 0.1, 2000), RATE)
    return open_recording(path)


def whole(recording: Recording) -> Clip:
    return Clip(recording, 0, recording.n_samples)


def aged(path: Path) -> None:
    """Give a file times of a day ago."""
    past = path.stat().st_mtime_ns - 86_400 * 10**9
    os.utime(path, ns=(past, past))


def overwritten(path: Path) -> None:
    write(path, np.random.default_rng(1).normal(0, 0.1, 2000), RATE)


def overwritten_in_place_with_its_old_times(path: Path) -> None:
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    with open(path, "r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def longer(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"\0\0")


CHANGES = [overwritten, overwritten_in_place_with_its_old_times, longer]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_refused_and_the_restored_one_is_read(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    clip = whole(recording_at(path))
    samples, data = read_clip(clip), path.read_bytes()
    change(path)
    with pytest.raises(AudioError, match=r"a\.wav: its content changed .*restore the file from a copy"):
        read_clip(clip)
    path.write_bytes(data)
    assert np.array_equal(read_clip(clip), samples)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = whole(recording_at(tmp_path / "a.wav"))

    def read(path: Path, start: int, stop: int, channel: int | None) -> np.ndarray:
        change(path)
        return np.zeros(stop - start, np.float32)

    monkeypatch.setattr("finback.audio.samples.read", read)
    with pytest.raises(AudioError, match="content changed"):
        read_clip(clip)


def test_a_file_is_hashed_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    recording_at(path)
    aged(path)
    monkeypatch.setattr(content, "YOUNG_S", -1.0)  # the time of the last change of the inode is now
    hashed: list[Path] = []
    original = content._hashed
    monkeypatch.setattr(content, "_hashed", lambda p, state: hashed.append(p) or original(p, state))
    recording = open_recording(path)
    for _ in range(3):
        require_content(recording)
        read_clip(whole(recording))
    assert hashed == [path]


def test_a_young_file_is_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two changes within one tick of a file system's clock leave the same times."""
    path = tmp_path / "a.wav"
    recording = recording_at(path)
    state = content.FileState.of(path.stat())
    monkeypatch.setattr(content.FileState, "of", lambda status: state)  # as if no time had passed
    require_content(recording)
    overwritten(path)
    with pytest.raises(AudioError, match="content changed"):
        require_content(recording)


def test_a_recording_that_was_not_located_is_never_opened(tmp_path: Path) -> None:
    recording = replace(recording_at(tmp_path / "a.wav"), located=False)
    assert not is_there(recording)
    with pytest.raises(AudioError, match="--recordings FOLDER"):
        read_clip(whole(recording))


@settings(max_examples=40)
@given(data=st.data())
def test_any_other_bytes_have_another_id(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a"
    one, other = data.draw(st.binary(min_size=1)), data.draw(st.binary(min_size=1))
    path.write_bytes(one)
    first = content_id(path)
    path.write_bytes(other)
    assert (content_id(path) == first) == (one == other)


SOURCE = Path(__file__).parents[2] / "src" / "finback"
READS = {"read", "read_channels", "blocks", "read_wave", "open", "SoundFile"}


def test_outside_audio_no_module_reads_the_file_of_a_recording_by_its_path() -> None:
    """Samples of a recording come from `audio.samples`, which checks its content before and after."""
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.parent == SOURCE / "audio":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = ast.unparse(node.func).split(".")[-1]
                if name in READS and ast.unparse(node.args[0]).endswith("recording.path"):
                    found.append(f"{path.relative_to(SOURCE)}:{node.lineno}")
    assert not found
