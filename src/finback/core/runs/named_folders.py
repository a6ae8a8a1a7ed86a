"""Where the recordings of a manifest may be opened: in folders that the user of this machine named.

    remember(manifest, Named(audio))       # when a manifest (bytes) is written: --audio named the folder
    recall(manifest)                       # None for a manifest that was not made here

A run folder can come from anybody, and its manifest can name any file. So a path in a manifest is followed
only if this manifest, byte for byte, was written here, or if its recordings were found by content below
folders that were named later (`finback.data.locate`). What was named is kept outside of run folders, in
`$FINBACK_STATE`, else `$XDG_STATE_HOME/finback`, else `~/.local/state/finback`; where that cannot be written
to, in a private folder among the temporary files.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from finback.core.errors import WriteError
from finback.core.storage.files import write_atomic

LARGEST = 1 << 26  # bytes of an entry


@dataclass(frozen=True)
class Named:
    """`audio` is the folder that was named when the manifest was made; `found` are files by recording id."""

    audio: Path | None = None
    found: Mapping[str, Path] = field(default_factory=dict)


def remember(manifest: bytes, named: Named) -> bool:
    """Keep what the user named for a manifest. Returns False where no folder takes it."""
    entry = {"audio": named.audio and str(named.audio), "found": {k: str(v) for k, v in named.found.items()}}
    for folder in _folders():
        try:
            if _is_private(folder):
                write_atomic(_path(folder, manifest), json.dumps(entry))
                return True
        except (WriteError, OSError):
            continue
    return False


def recall(manifest: bytes) -> Named | None:
    """What the user named for this manifest; None if nothing, or if the entry cannot be read."""
    for folder in _folders():
        path = _path(folder, manifest)
        try:
            if not path.is_file() or path.stat().st_size > LARGEST or not _is_private(folder):
                continue
            entry = json.loads(path.read_text(encoding="utf-8"))
            audio = None if entry["audio"] is None else Path(entry["audio"])
            return Named(audio, {str(k): Path(v) for k, v in entry["found"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return None


def identity(table: bytes, audio: str) -> bytes:
    """What was written here, or was not: a manifest, and the folder that its names are relative to."""
    return table + b"\0" + os.fsencode(audio)


def root_of(audio: str, named: Named | None) -> Path:
    """The audio folder: as the manifest names it, or the folder above all recordings that were found."""
    if named is None or not named.found:
        return Path(audio)
    return Path(os.path.commonpath([path.parent for path in named.found.values()]))


def place(row: Mapping[str, str], root: Path, named: Named | None, root_is_given: bool) -> tuple[Path, bool]:
    """The path of the recording of a manifest's row, and whether it may be opened there.

    `root_is_given`: the user named `root` just now, so files inside it may be opened.
    """
    path = root / row["file"]
    is_own = named is not None and named.audio is not None
    if root_is_given:
        return path, is_own or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    if named is not None and row["recording_id"] in named.found:
        return named.found[row["recording_id"]], True
    return (named.audio / row["file"], True) if named is not None and named.audio else (path, False)


def _path(folder: Path, manifest: bytes) -> Path:
    digest = hashlib.blake2b(manifest, digest_size=16).hexdigest()
    return folder / "recordings" / digest[:2] / f"{digest}.json"


def _folders() -> Iterator[Path]:
    """The folder of the user's state, and the folder for machines without a home that can be written to."""
    chosen, state = os.environ.get("FINBACK_STATE"), os.environ.get("XDG_STATE_HOME")
    if chosen or state:
        yield Path(chosen) if chosen else Path(state or "") / "finback"
    else:
        with suppress(RuntimeError):  # there is no home
            yield Path.home() / ".local" / "state" / "finback"
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"finback-state-{user}"


def _is_private(folder: Path) -> bool:
    """Whether others cannot write in a folder among the temporary files, which is made if it is missing."""
    if folder.parent != Path(tempfile.gettempdir()) or not hasattr(os, "getuid"):
        return True
    folder.mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return is_own and not status.st_mode & 0o022
