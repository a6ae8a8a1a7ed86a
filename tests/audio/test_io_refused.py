"""What is no sound, changes while it is read, or may not be read, is refused by name."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finback.audio import io
from finback.audio import validation as checks
from finback.core.errors import AudioError
from finback.core.text import printable


def bind(path: Path) -> None:
    """A socket at `path`, whose whole name may be too long for one."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("gone.wav", lambda p: None, "no such file"),
    "under a file": ("a.wav/b.wav", lambda p: p.parent.write_bytes(b"x"), "no such file"),
    "folder": ("folder.wav", lambda p: p.mkdir(), "a folder, not a sound file"),
    "pipe": ("pipe.wav", lambda p: os.mkfifo(p), "not a regular file"),
    "device": ("device.wav", lambda p: p.symlink_to("/dev/zero"), "not a regular file"),
    "link to a pipe": (
        "to pipe.wav",
        lambda p: (os.mkfifo(f"{p}.2"), p.symlink_to(f"{p}.2")),
        "not a regular",
    ),
    "broken link": ("broken.wav", lambda p: p.symlink_to("nothing"), "a link to a file that is not there"),
    "link to itself": ("loop.wav", lambda p: p.symlink_to(p), "a link that leads to itself"),
    "link to a folder": ("here.wav", lambda p: p.symlink_to(p.parent), "a folder, not a sound file"),
    "socket": ("socket.wav", lambda p: bind(p), "not a regular file"),
    "0 bytes": ("empty.wav", lambda p: p.write_bytes(b""), "empty, 0 bytes"),
    "0 bytes, mp3": ("empty.mp3", lambda p: p.write_bytes(b""), "empty, 0 bytes"),
    "text": ("notes.wav", lambda p: p.write_text("start,stop\n" * 99), "not a sound file"),
    "text, mp3": ("notes.mp3", lambda p: p.write_text("start,stop\n" * 99), "not a sound file"),
    "zeros": ("zeros.flac", lambda p: p.write_bytes(bytes(5000)), "not a sound file"),
    "half a header": ("half.wav", lambda p: p.write_bytes(b"RIFF\0\0\0\0WAVEfmt "), "not a sound file"),
    "raw": ("samples.raw", lambda p: p.write_bytes(bytes(5000)), "not a sound file"),
    "name too long": ("x" * 300 + ".wav", lambda p: None, "cannot be read"),
    "null in the name": ("a\0b.wav", lambda p: None, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_sound_is_refused_by_name(
    tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, make, message = BAD[case]
    path = tmp_path / name
    make(path)
    for use in (io.probe, io.read, io.open_recording, lambda p: io.blocks(p, 10)):
        with pytest.raises(AudioError, match=re.escape(message)) as caught:
            use(path)
        assert printable(name) in str(caught.value)
        assert caught.value.repair
    assert capfd.readouterr() == ("", "")  # nor does a decoder grumble


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "changing.wav"
    for change, n_read in (
        (lambda: os.truncate(path, 9000), 2),
        (lambda: path.open("ab").write(b"x" * 99), 10),
    ):
        io.write(path, np.full(10_000, 0.1), 8000)
        blocks = io.blocks(path, 1000)
        assert len([next(blocks), next(blocks)]) == 2
        change()
        if n_read == 10:
            assert len(list(blocks)) == 8
        else:
            with pytest.raises(AudioError, match=r"changing\.wav: broken off or damaged in samples"):
                list(blocks)


def test_a_file_that_became_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "swap.wav"
    io.write(path, np.full(100, 0.1), 8000)
    io.probe(path)
    path.unlink()
    os.mkfifo(path)
    for use in (io.read, io.content_id, checks.opened):
        with pytest.raises(AudioError, match=r"swap\.wav: not a regular file"):
            use(path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no user ids here")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "private.wav"
    io.write(path, np.zeros(10), 1000)
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65_534)  # root may read anything: be nobody for a moment
    try:
        with pytest.raises(AudioError, match=r"private\.wav: no permission to read it"):
            io.read(path)
        with pytest.raises(AudioError, match="no permission"):
            io.content_id(path)
    finally:
        if as_root:
            os.seteuid(0)
