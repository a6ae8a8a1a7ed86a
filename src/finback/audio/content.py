"""A recording is its content: the hash of its bytes, taken when it is indexed and checked before every use.

    content_id("site/a.wav")          # 16 hex digits; a file that has not changed is hashed once a process
    require_content(recording)        # raises if the file now holds something else
    read_clip(clip)                   # (stop - start,) float32, of the recording that was indexed or of none

No feature is computed, no figure drawn and no judgement made on samples that went another way: `FileSamples`
(audio/samples.py) checks before and after every read, so a file that changes in between is not taken either.
A hash is kept for a file's path, inode, size and times. Clocks of file systems are coarse, so the hash of a
file that changed in the last `YOUNG_S` seconds is not kept but computed again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from finback.audio import validation as checks
from finback.audio.addresses import Address, local
from finback.core.errors import AudioError
from finback.core.types import Recording

YOUNG_S = 2.0  # the coarsest clock: times of files on FAT are even seconds
RESTORE = "restore the file from a copy, or index the recordings again and train into another --out"
NAME_FOLDER = "name the folder where its recordings are: finback report RUN --recordings FOLDER"


class FileState(NamedTuple):
    """What the system says of a file; it changes when the file is written, replaced or given other times."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @property
    def is_young(self) -> bool:
        """Whether another change could still get the same times."""
        return abs(time.time_ns() - max(self.mtime_ns, self.ctime_ns)) < YOUNG_S * 1e9


def content_id(path: Path | str | Address) -> str:
    """16 hex digits: blake2b of the file's bytes, read in a stream. Raises `AudioError`."""
    path = local(path, "a recording is known by its whole content here, which is not fetched")
    state = FileState.of(checks.file_status(path))
    return _hashed(path, state) if state.is_young else _kept(path, state)


def require_content(recording: Recording) -> None:
    """Raises `AudioError` unless the file of the recording holds what it held when it was indexed.

    Of a recording that was not found in the folders that the user named (`Recording.located`), no file is
    opened.
    """
    if not recording.located:
        raise AudioError(
            f"{recording.path}: not opened, since this run folder was not made here", NAME_FOLDER
        )
    found = content_id(recording.path)
    if found != recording.id:
        raise AudioError(
            f"{recording.path}: its content changed since it was indexed (it was {recording.id}, it is "
            f"{found})",
            RESTORE,
        )


def require_contents(recordings: Iterable[Recording]) -> None:
    """The same of several recordings; the error names the first, and counts the others."""
    errors: list[AudioError] = []
    for recording in dict.fromkeys(recordings):
        try:
            require_content(recording)
        except AudioError as error:
            errors.append(error)
    if errors:
        more = f" (and {len(errors) - 1} more recordings like it)" if len(errors) > 1 else ""
        raise AudioError(errors[0].problem + more, errors[0].repair)


def is_there(recording: Recording) -> bool:
    """Whether there is a file that may be opened as this recording; its content is not checked."""
    return recording.located and recording.path.is_file()


@lru_cache(maxsize=1 << 17)
def _kept(path: Path, state: FileState) -> str:
    return _hashed(path, state)


def _hashed(path: Path, state: FileState) -> str:
    try:
        with checks.opened_file(path) as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
            after = FileState.of(os.fstat(file.fileno()))
    except OSError as error:
        raise checks.unreadable(path, error) from error
    if after != state:
        raise AudioError(f"{path}: it changed while it was read", "wait until it is written, then try again")
    return digest
