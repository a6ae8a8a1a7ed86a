"""Which sounds `finback predict` is asked about: files, folders, patterns, a list or audio on stdin."""

from __future__ import annotations

import glob
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from finback.cli.console import say
from finback.core.errors import InputError
from finback.core.text import counted

LIST = "-"
AUDIO = "stdin"  # the name of audio from stdin
PATTERN = frozenset("*?[")
NOT_IN_NAMES = frozenset(range(32)) - frozenset(b"\t\n\r\f")


def sound_files(model: str, given: Sequence[str]) -> list[str]:
    """The files that were named, those of folders and patterns, and those of a list on stdin for "-".

    Raises `InputError` where a folder, a pattern or everything together holds no sound file.
    """
    if not given:
        raise InputError(
            f"predict {model}: no sound files",
            "give files, folders or a pattern after the run: finback predict RUN CLIP",
        )
    found = [file for name in given for file in (_listed(model) if name == LIST else _expanded(name))]
    if not found:
        raise InputError(f"predict {model}: the list on stdin is empty", "write a file name in each line")
    return found


def _expanded(name: str) -> list[str]:
    """A file as it is; of a folder its sound files, of a pattern what it matches."""
    if os.path.isdir(name):
        return _in_folder(name)
    if not PATTERN.isdisjoint(name) and not os.path.lexists(name) and "://" not in name:
        return _matching(name)
    return [name]


def _in_folder(folder: str) -> list[str]:
    from finback.audio.io import is_sound
    from finback.data.file_matching import Walk

    walk = Walk(Path(folder))
    paths = sorted(walk)
    sounds = [str(path) for path in paths if is_sound(path.name)]
    for remark in walk.remarks():
        say(f"note: {remark}")
    others = counted(len(paths) - len(sounds), "other file")
    if not sounds:
        raise InputError(
            f"{folder}: no sound files in this folder ({others})",
            "give a folder of wav, flac, mp3 or ogg files",
        )
    more = f"; {others} passed over" if len(paths) > len(sounds) else ""
    say(f"{folder}: {counted(len(sounds), 'sound file')}{more}")
    return sounds


def _matching(pattern: str) -> list[str]:
    from finback.audio.io import is_sound

    paths = sorted(glob.glob(pattern, recursive=True))
    files = [path for path in paths if not os.path.isdir(path)]
    sounds = [path for path in files if is_sound(os.path.basename(path))]
    inside = [
        file for path in paths if os.path.isdir(path) and "**" not in pattern for file in _in_folder(path)
    ]
    if not sounds and not inside:
        others = f"; it matches {counted(len(paths), 'other file')}" if paths else ""
        raise InputError(
            f"{pattern}: no sound file matches this pattern{others}",
            "check it, or give the folder: its sound files are found",
        )
    return [*sounds, *inside]


def _listed(model: str) -> Iterator[str]:
    """The names in the lines of stdin, which may be folders and patterns themselves."""
    for line in _text_of_stdin(model).splitlines():
        if line.strip():
            yield from _expanded(line.strip())


def _text_of_stdin(model: str) -> str:
    """Raises `InputError` for binary data, such as audio."""
    raw = getattr(sys.stdin, "buffer", None)
    data = raw.read() if raw is not None else sys.stdin.read().encode("utf-8", "surrogateescape")
    if not NOT_IN_NAMES.isdisjoint(data):
        raise InputError(
            "-: stdin holds binary data, not a list of file names",
            f"for audio: finback predict {model} --stdin-audio < clip.wav",
        )
    return os.fsdecode(data)


@contextmanager
def audio_on_stdin() -> Iterator[str]:
    """A temporary file with the bytes of stdin, which is removed afterwards.

    Raises `InputError` where stdin is a terminal or holds nothing.
    """
    raw: io.BufferedIOBase | None = getattr(sys.stdin, "buffer", None)
    repair = "pipe a sound file: finback predict RUN --stdin-audio < clip.wav"
    if raw is None or sys.stdin.isatty():
        raise InputError("--stdin-audio: no audio on stdin", repair)
    with tempfile.TemporaryDirectory(prefix="finback-") as folder:
        path = Path(folder) / AUDIO
        with open(path, "wb") as file:
            shutil.copyfileobj(raw, file)
        if not path.stat().st_size:
            raise InputError("--stdin-audio: no audio on stdin", repair)
        yield str(path)
