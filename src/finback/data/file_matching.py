"""Find the recording that a row names, also when the name was typed by a person on another computer.

Names match exactly first, then without regard to case and outer spaces, then without the extension. At each
step a sub-folder may be missing in the table (`a.wav` for `site1/a.wav`) or in the audio folder
(`site1/a.wav` for `a.wav`). Two different folders never match, and `site1/a.wav` and `site2/a.wav` in one
table are not both `a.wav`. Backslashes, absolute paths, `./`, the two Unicode forms of an accent, `file://`
and `%20` make no difference. A name that matches several files is ambiguous and gets no file; all candidates
are reported.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from finback.audio.io import SUFFIXES, is_sound
from finback.core.errors import InputError
from finback.data.problems import Problem

Parts = tuple[str, ...]
# Folders in which systems keep what was thrown away, or their own copies.
BINS = frozenset(
    ("$recycle.bin", "recycler", "system volume information", "@eadir", "#recycle", "lost+found", "__macosx")
)


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
    skipped: tuple[Problem, ...] = ()  # folders and files that were not read, with the reason
    _levels: tuple[dict[str, list[tuple[Parts, Path]]], ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def scan(cls, root: Path) -> AudioFolder:
        """Find all recordings in the folder. Links are followed once; hidden files and bins are left out.

        Raises `InputError` when the folder is missing, is a file, cannot be read, or holds no recording.
        """
        root = Path(root)
        try:
            if not root.exists():
                raise InputError(f"{root}: no such audio folder", "check the path given as --audio")
            if not root.is_dir():
                repair = "give the folder of this file as --audio"
                raise InputError(f"{root}: is a file, not a folder", repair)
            root = root.resolve()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{root}: cannot be read ({reason})", "check who may read it") from None
        walk = Walk(root)
        paths = sorted(walk)
        named = [path for path in paths if is_sound(path.name)]
        files = tuple(path for path in named if _is_text(str(path)))
        unnameable = tuple(ascii(path.name)[1:-1] for path in named if not _is_text(str(path)))
        if not files and walk.unread and not paths:
            raise InputError(*_unread(walk.unread[0], root))
        if not files:
            others = sorted({path.suffix.lower() for path in paths if path.suffix})[:5]
            held = f" (it holds {', '.join(others)} files)" if others else " (it is empty)"
            reads = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES if suffix.count(".") == 1))
            raise InputError(f"{root}: no recordings in this folder{held}", f"finback reads {reads}")
        return cls(root, files, unnameable, tuple(walk.problems()), _index(root, files))

    def name(self, path: Path) -> str:
        """Path relative to the folder, with forward slashes: the name of a recording in all output."""
        return path.relative_to(self.root).as_posix()

    def match(self, name: str) -> Match:
        """The recording that `name` matches."""
        match = self._match(name)
        if match.path is None and not match.candidates and "%" in name:
            return self._match(unquote(name))
        return match

    def _match(self, name: str) -> Match:
        given = _parts(name, self.root)
        if not given:
            return Match(None)
        for level, key in zip(self._levels, _KEYS, strict=True):
            mine = key(given)
            held = [(parts, path) for parts, path in level.get(mine[-1], ()) if agree(parts, mine)]
            whole = [pair for pair in held if pair[0] == mine]
            candidates = whole or held
            if len(candidates) > 1:  # names that differ only in the form of their accents
                candidates = [pair for pair in candidates if self.name(pair[1]) == name] or candidates
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
        wanted = PurePosixPath(name.replace("\\", "/")).name[:255]
        near = difflib.get_close_matches(wanted, [path.name for path in self.files], n=1, cutoff=0.8)
        return near[0] if near else None


def stem(name: str) -> str:
    """A file name without the extensions of a recording: `a.x.wav` -> `a`, `rec.1` -> `rec.1`."""
    path = PurePosixPath(name)
    if path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
        if path.suffix.lower() == ".x":
            path = path.with_suffix("")
    return path.name


class Walk:
    """The files below a folder; what was passed over is in `problems` after the walk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, str] = {}  # a folder -> its name at first sight
        self._hidden: list[str] = []  # hidden recordings, and hidden folders with recordings
        self._bins: list[str] = []
        self._again: list[tuple[str, str]] = []
        self.unread: list[OSError] = []

    def __iter__(self) -> Iterator[Path]:
        for folder, inner, names in os.walk(self._root, followlinks=True, onerror=self._fail):
            real, here = os.path.realpath(folder), Path(folder)
            if real in self._seen:  # a link to a folder that was read, or to one above itself
                inner.clear()
                self._again.append((self._name(folder), self._seen[real]))
                continue
            self._seen[real] = self._name(folder)
            for name in sorted(inner):
                if name.casefold() in BINS:
                    self._bins.append(self._name(here / name))
                elif name.startswith(".") and _holds_sound(here / name):
                    self._hidden.append(self._name(here / name) + "/")
            inner[:] = sorted(d for d in inner if not d.startswith(".") and d.casefold() not in BINS)
            self._hidden += [
                self._name(here / name) for name in names if name[:1] == "." and is_sound(name[1:])
            ]
            yield from (here / name for name in names if not name.startswith("."))

    def _name(self, path: str | Path) -> str:
        return Path(path).relative_to(self._root).as_posix()

    def _fail(self, error: OSError) -> None:
        self.unread.append(error)

    def problems(self) -> Iterator[Problem]:
        """Folders that cannot be read, and notes on files and folders that are not read on purpose."""
        for error in self.unread:
            where, repair = _unread(error, self._root)
            name = self._name(error.filename or self._root)
            yield Problem("unread_folder", name, None, where.partition(": ")[2], repair)
        for name, first in self._again:
            message = f"is a link to the folder '{first}', which is read already"
            yield Problem("skipped", name, None, message, "write the name of that folder in the table")
        for names, what in (
            (self._hidden, "hidden"),
            (self._bins, "in a recycle bin or a folder of the system"),
        ):
            if names:
                message = f"is {what} and not read" + (
                    f", like {len(names) - 1} more" if len(names) > 1 else ""
                )
                yield Problem("skipped", min(names), None, message, "move recordings that you need elsewhere")

    def remarks(self) -> list[str]:
        """What was passed over, each with its repair."""
        return [f"{self._root / p.file}: {p.message}; {p.repair}" for p in self.problems()]


def _unread(error: OSError, root: Path) -> tuple[str, str]:
    reason = error.strerror or "an error of the system"
    return (
        f"{error.filename or root}: the folder cannot be read ({reason}), so its recordings are not used",
        "check who may read it",
    )


def _holds_sound(folder: Path) -> bool:
    try:
        return any(is_sound(entry.name.lstrip(".")) for entry in islice(os.scandir(folder), 10_000))
    except OSError:
        return False


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
    if text[:5].casefold() == "file:":
        text = unquote(re.sub(r"^file:(//[^/]*)?", "", text, flags=re.IGNORECASE))
    text = re.sub(r"^/?[A-Za-z]:", "", text.removeprefix(home))
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
