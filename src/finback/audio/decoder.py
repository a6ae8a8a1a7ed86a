"""The decoder: the only module that knows soundfile (libsndfile).

A file is decoded as it stands, or through a `Part` of it where its header is wrong; a file at an address
always through a part, which may be all of it. Whatever goes wrong inside the decoder, or in reading for it,
becomes an `AudioError` that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from soundfile import SoundFile as SoundFile

from finback.audio import validation as checks
from finback.audio.addresses import Address, Place
from finback.audio.hushed import hushed
from finback.audio.info import MAX_FRAMES
from finback.audio.parts import Part, View
from finback.core.errors import AudioError, FinbackError

SET_ADD_PEAK_CHUNK = 0x1050  # sndfile.h: SFC_SET_ADD_PEAK_CHUNK
BLOCK = 1 << 16  # frames decoded at a time where a whole file goes by
# libmpg123 seeks to a few frames before the wanted one, but a frame of MP3 may need the bytes of more (its
# bit reservoir), and is then decoded to something else.
LEAD = 16 * 1152  # frames that are decoded and left out before a span of an MP3
LAST_PACKET = 1 << 13  # frames, of the longest packet in Ogg and more
FAULTS = (soundfile.SoundFileError, RuntimeError, MemoryError, OverflowError, ValueError)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decoder says of a file or a part of it."""

    sample_rate: int
    n_samples: int
    n_channels: int
    format: str
    subtype: str


def formats() -> list[str]:
    """Names of the formats that this machine's libsndfile reads, e.g. WAV, FLAC, MP3."""
    return sorted(soundfile.available_formats())


def facts(path: Place, part: Part | None = None) -> Facts:
    """Open a file, or a part of it, and close it again. Raises `AudioError`."""
    with opened(path, part) as sound:
        return Facts(sound.samplerate, sound.frames, sound.channels, sound.format, sound.subtype)


def tags(path: Place, part: Part | None = None) -> dict[str, str]:
    """The comment and the date in the file. Raises `AudioError`."""
    with opened(path, part) as sound:
        return {"comment": sound.comment, "date": sound.date}


def count(path: Place, part: Part | None = None) -> int:
    """Samples that can be decoded one after another, up to the end or the first damage."""
    n, size = 0, BLOCK
    while size:
        try:
            for x in frames(path, part, n, MAX_FRAMES, size):
                if not len(x):
                    return n
                n += len(x)
        except AudioError:
            size //= 16  # the block may have broken off in its middle
    return n


def reaches(path: Place, part: Part | None, n_samples: int) -> bool:
    """Can the last of `n_samples` be decoded?"""
    try:
        return len(next(frames(path, part, n_samples - 1, n_samples, 1), ())) == 1
    except AudioError:
        return False


def frames(
    path: Place, part: Part | None, start: int, stop: int, step: int, first: int | None = None
) -> Iterator[np.ndarray]:
    """(step, C) float32 blocks of a span of a file or of a part of it, the first one of `first` frames.

    Blocks are shorter where the sound ends before `stop`. Raises `AudioError`.
    """
    with opened(path, part) as sound:
        if sound.format == "OGG":
            yield from _from_the_start(sound, start, stop, step, step if first is None else first)
            return
        if start and sound.subtype.startswith("MPEG"):
            with hushed():
                sound.seek(max(0, start - LEAD))
                sound.read(min(start, LEAD), dtype="float32", always_2d=True)
        elif start:
            sound.seek(start)
        gain = np.float32(1 if part is None else part.gain)
        at, size = start, step if first is None else first
        while at < stop:
            x = sound.read(min(size, stop - at), dtype="float32", always_2d=True)
            yield x if gain == 1 else x * gain
            at, size = at + size, step


def _from_the_start(sound: SoundFile, start: int, stop: int, step: int, size: int) -> Iterator[np.ndarray]:
    """`frames` of an Ogg, decoded in the same blocks from its start whatever the span is.

    libsndfile's seek can be off by a block there (its issue 885), and a read that begins in the last packet
    of an Opus gives other samples than one that begins before it.
    """
    at, ends, kept = start, 0, np.empty((0, sound.channels), np.float32)  # `kept` are samples at to ends
    while at < stop:
        wanted = min(size, stop - at)
        while len(kept) < wanted:
            left = sound.frames - ends
            x = sound.read(BLOCK if left > BLOCK + LAST_PACKET else left, dtype="float32", always_2d=True)
            if not len(x):
                break
            ends += len(x)
            kept = np.concatenate([kept, x[max(0, len(x) - (ends - at)) :]]) if ends > at else kept
        yield kept[:wanted]
        kept, at, size = kept[wanted:], at + wanted, step


@contextmanager
def opened(path: Place, part: Part | None = None) -> Iterator[SoundFile]:
    """The open sound file; errors of the decoder inside the block become an `AudioError` that names it."""
    with ExitStack() as stack:
        view = None
        if part is not None or isinstance(path, Address):
            file = stack.enter_context(checks.opened(path))
            view = View(file, part or Part(((0, file.seek(0, 2)),)))
        sound = stack.enter_context(_open(path, view))
        try:
            yield sound
        except FAULTS as error:
            _raise_fault(path, view)
            raise checks.undecodable(path, reason(error)) from error


def without_complaints(path: Place, blocks: Iterator[np.ndarray], strict: bool) -> Iterator[np.ndarray]:
    """The blocks of an MP3. With `strict`, raises `AudioError` where the decoder complains of damage."""
    while True:
        with hushed() as complaints:
            x = next(blocks, None)
        faults = [line for line in complaints if "error: " in line]
        if strict and faults:
            raise checks.undecodable(path, faults[0].split("error: ")[1])
        if x is None:
            return
        yield x


class _Reader(SoundFile):  # type: ignore[misc]  # soundfile has no types
    """soundfile seeks to the next sample after each read, which MP3 and Ogg do not survive unharmed; and it
    takes a fault of the disk or network for the end of the file."""

    def __init__(self, path: Place, view: View | None) -> None:
        self.path, self.view = path, view
        super().__init__(os.fsencode(str(path)) if view is None else view)

    def read(self, *args: Any, **kwargs: Any) -> np.ndarray:
        x = super().read(*args, **kwargs)
        _raise_fault(self.path, self.view)
        return x

    def seekable(self) -> bool:
        return (
            False if self.format in ("MP3", "OGG") or self.subtype.startswith("MPEG") else super().seekable()
        )


def _open(path: Place, view: View | None) -> SoundFile:
    try:
        return _Reader(path, view)
    except FAULTS as error:
        _raise_fault(path, view)
        raise checks.not_audio(path, reason(error)) from error


def _raise_fault(path: Place, view: View | None) -> None:
    """Raises what went wrong in reading for the decoder, which ended the view."""
    error = None if view is None else view.error
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is not None:
        raise checks.unreadable(path, error) from error


def create(path: Path, sample_rate: int, n_channels: int, subtype: str, kind: str) -> SoundFile:
    """A new file to be written; equal samples make equal files."""
    sound = SoundFile(os.fsencode(path), "w", sample_rate, n_channels, subtype, format=kind)
    # Else float files hold the time of writing. soundfile has no public way to libsndfile's commands.
    soundfile._snd.sf_command(sound._file, SET_ADD_PEAK_CHUNK, soundfile._ffi.NULL, 0)
    return sound


def writing_failed(path: Path, error: Exception) -> FinbackError:
    """The error for a file that could not be written."""
    problem = f"{path}: could not be written ({reason(error)})"
    return FinbackError(problem, "free some space and try again")


def mp3(samples: np.ndarray, sample_rate: int) -> bytes | None:
    """(n,) samples within -1 to 1 as an MP3 of a few kB a second, for pages; None if libsndfile cannot."""
    if "MP3" not in soundfile.available_formats():
        return None
    buffer = BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="MP3", compression_level=0.6)
    return buffer.getvalue()


def reason(error: BaseException) -> str:
    """The decoder's own words."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return text or "no reason given"
