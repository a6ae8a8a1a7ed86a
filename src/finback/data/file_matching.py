"""Find the recording that a row means, when the row was typed by a person on another computer.

Names match exactly first, then without regard to case and outer spaces, then without the extension. At
each step a sub-folder may be left out on either side (`site1/a.wav` in the folder, `a.wav` in the table, or
the other way round), but two folders that disagree never match, and `site1/a.wav` and `site2/a.wav` in one
table are not both `a.wav`. Backslashes, absolute paths, `./`, and the
two Unicode spellings of an accent are all the same. What could be several files is no match: it is
ambiguous, and all candidates are named.
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
    """The file found, or None with the candidates that kept it from being found."""

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
        """Walk the folder, links followed, hidden files left out.

        Raises `InputError` when it is missing, not a folder, or holds no recording.
        """
        root = Path(root)
        if not root.exists():
            raise InputError(f"{root}: no such audio folder", "check the path given as --audio")
        if not root.is_dir():
            raise InputError(f"{root}: is a file, not a folder", "give as --audio the folder that holds it")
        root = root.resolve()
        found = sorted(_walk(root))
        named = [path for path in found if is_sound(path.name)]
        files = tuple(path for path in named if _is_text(str(path)))
        unnameable = tuple(ascii(path.name)[1:-1] for path in named if not _is_text(str(path)))
        if not files:
            others = sorted({path.suffix.lower() for path in found if path.suffix})[:5]
            held = f" (it holds {', '.join(others)} files)" if others else " (it is empty)"
            reads = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES if suffix.count(".") == 1))
            raise InputError(f"{root}: no recordings in this folder{held}", f"finback reads {reads}")
        return cls(root, files, unnameable, _index(root, files))

    def name(self, path: Path) -> str:
        """Path relative to the folder, with forward slashes: how a recording is named everywhere."""
        return path.relative_to(self.root).as_posix()

    def match(self, name: str) -> Match:
        """The one recording that `name` means."""
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
        """A typed path as it is compared at last: its folders and stem, without case."""
        parts = _parts(name, self.root)
        return _stemmed(parts) if parts else ()

    def nearest(self, name: str) -> str | None:
        """The most similar file name, for a hint."""
        wanted = PurePosixPath(name.replace("\\", "/")).name
        near = difflib.get_close_matches(wanted, [path.name for path in self.files], n=1, cutoff=0.8)
        return near[0] if near else None


def is_sound(name: str) -> bool:
    """Whether a file name has the extension of a recording; macOS's hidden `._a.wav` twins do not count."""
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
    """A typed path as parts: slashes one way, no drive, no `.`; relative to `root` when it lies in it."""
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
    """For each way of matching: last part -> the files that end in it."""
    levels: tuple[dict[str, list[tuple[Parts, Path]]], ...] = tuple(defaultdict(list) for _ in _KEYS)
    for path in files:
        relative = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        for level, key in zip(levels, _KEYS, strict=True):
            parts = key(tuple(relative.split("/")))
            level[parts[-1]].append((parts, path))
    return levels


def agree(held: Parts, given: Parts) -> bool:
    """Whether one path is the tail of the other, so that no folder disagrees."""
    n = min(len(held), len(given))
    return held[-n:] == given[-n:]
