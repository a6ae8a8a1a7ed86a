"""Find the recording that a row names, also when the name was typed by a person on another computer.

Names match exactly first, then without regard to case and outer spaces, then without the extension. At each
step a sub-folder may be missing in the table (`a.wav` for `site1/a.wav`) or in the audio folder
(`site1/a.wav` for `a.wav`). Two different folders never match, and `site1/a.wav` and `site2/a.wav` in one
table are not both `a.wav`. Backslashes, absolute paths, `./` and the two Unicode forms of an accent make no
difference. A name that matches several files is ambiguous and gets no file; all candidates are reported.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from finback.audio.io import SUFFIXES
from finback.core.errors import InputError

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The file, or None; `candidates` are the files of an ambiguous name."""

    path: Path | None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class AudioFolder:
    """All recordings under a folder, by their paths relative to it, sorted."""

    root: Path
    files: tuple[Path, ...]  # absolute
    unnameable: tuple[str, ...] = ()  # files whose names are not valid text
    _levels: tuple[dict[str, list[tuple[Parts, Path]]], ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def scan(cls, root: Path) -> AudioFolder:
        """Find all recordings in the folder. Links are followed; hidden files are left out.

        Raises `InputError` when the folder is missing, is a file, or holds no recording.
        """
        root = Path(root)
        if not root.exists():
            raise InputError(f"{root}: no such audio folder", "check the path given as --audio")
        if not root.is_dir():
            raise InputError(f"{root}: is a file, not a folder", "give the folder of this file as --audio")
        root = root.resolve()
        paths = sorted(_walk(root))
        named = [path for path in paths if is_sound(path.name)]
        files = tuple(path for path in named if _is_text(str(path)))
        unnameable = tuple(ascii(path.name)[1:-1] for path in named if not _is_text(str(path)))
        if not files:
            others = sorted({path.suffix.lower() for path in paths if path.suffix})[:5]
            held = f" (it holds {', '.join(others)} files)" if others else " (it is empty)"
            reads = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES if suffix.count(".") == 1))
            raise InputError(f"{root}: no recordings in this folder{held}", f"finback reads {reads}")
        return cls(root, files, unnameable, _index(root, files))

    def name(self, path: Path) -> str:
        """Path relative to the folder, with forward slashes: the name of a recording in all output."""
        return path.relative_to(self.root).as_posix()

    def match(self, name: str) -> Match:
        """The recording that `name` matches."""
        given = _parts(name, self.root)
        if not given:
            return Match(None)
        for level, key in zip(self._levels, _KEYS, strict=True):
            mine = key(given)
            held = [(parts, path) for parts, path in level.get(mine[-1], ()) if agree(parts, mine)]
            whole = [pair for pair in held if pair[0] == mine]
            candidates = whole or held
            if len(candidates) == 1:
                return Match(candidates[0][1])
            if candidates:
                return Match(None, tuple(self.name(path) for _, path in candidates))
        return Match(None)

    def typed(self, name: str) -> Parts:
        """A typed path in the form of the last comparison: folders and stem, without case."""
        parts = _parts(name, self.root)
        return _stemmed(parts) if parts else ()

    def nearest(self, name: str) -> str | None:
        """The most similar file name, for a hint."""
        wanted = PurePosixPath(name.replace("\\", "/")).name
        near = difflib.get_close_matches(wanted, [path.name for path in self.files], n=1, cutoff=0.8)
        return near[0] if near else None


def is_sound(name: str) -> bool:
    """Whether a file name has the extension of a recording; hidden files such as `._a.wav` do not count."""
    return not name.startswith(".") and PurePosixPath(name).suffix.lower() in SUFFIXES


def stem(name: str) -> str:
    """A file name without the extensions of a recording: `a.x.wav` -> `a`, `rec.1` -> `rec.1`."""
    path = PurePosixPath(name)
    if path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
        if path.suffix.lower() == ".x":
            path = path.with_suffix("")
    return path.name


def _walk(root: Path) -> Iterable[Path]:
    seen: set[str] = set()
    for folder, inner, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        inner[:] = sorted(d for d in inner if not d.startswith("."))
        if real in seen:  # a link to a folder above it
            inner.clear()
            continue
        seen.add(real)
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _parts(name: str, root: Path) -> Parts:
    """The parts of a typed path, without drive and `.`; relative to `root` for a path inside it."""
    text = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    home = unicodedata.normalize("NFC", root.as_posix()).rstrip("/") + "/"
    text = re.sub(r"^(file://)?([A-Za-z]:)?", "", text.removeprefix(home))
    parts: list[str] = []
    for part in text.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return tuple(parts)


def _exact(parts: Parts) -> Parts:
    return parts


def _folded(parts: Parts) -> Parts:
    return tuple(part.strip().casefold() for part in parts)


def _stemmed(parts: Parts) -> Parts:
    return (*_folded(parts[:-1]), stem(parts[-1].strip()).casefold())


_KEYS: tuple[Callable[[Parts], Parts], ...] = (_exact, _folded, _stemmed)


def _index(root: Path, files: Iterable[Path]) -> tuple[dict[str, list[tuple[Parts, Path]]], ...]:
    """For each way of matching: last part -> the files that end with it."""
    levels: tuple[dict[str, list[tuple[Parts, Path]]], ...] = tuple(defaultdict(list) for _ in _KEYS)
    for path in files:
        relative = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        for level, key in zip(levels, _KEYS, strict=True):
            parts = key(tuple(relative.split("/")))
            level[parts[-1]].append((parts, path))
    return levels


def agree(held: Parts, given: Parts) -> bool:
    """Whether the shorter path is the end of the longer one, so that no two folders differ."""
    n = min(len(held), len(given))
    return held[-n:] == given[-n:]
