"""Which files of TRUTH and of FOUND are the same recording, by the ends of their paths.

`a.wav`, `site1/a.flac` and `C:\\data\\site1\\A` can be one file: names are compared without extension and
case, and the shorter path must be the end of the longer one. A name that could be two files is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from finback.core.errors import InputError
from finback.data.file_matching import Parts, agree, stem


@dataclass(frozen=True, slots=True)
class Names:
    """Recordings 0 to R-1 by their names as shown, and the recording of each stated name."""

    shown: tuple[str, ...]
    of_true: Mapping[str, int]
    of_found: Mapping[str, int]


def parts_of(name: str) -> Parts:
    """The folders and the stem of a path or an address, in lower case, without drive and `..`."""
    text = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    text = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]+:/+|/?[A-Za-z]:)", "", text)
    parts = [part.strip().casefold() for part in text.split("/") if part not in ("", ".", "..")]
    return (*parts[:-1], stem(parts[-1])) if parts else ()


def match_names(true: Sequence[str], found: Sequence[str]) -> Names:
    """Recordings of two lists of names as stated. Raises `InputError` for a name that could be two files."""
    recordings = _Recordings()
    of_found = {name: recordings.add(name, "FOUND") for name in _longest_first(found)}
    of_true: dict[str, Parts] = {}
    new: list[str] = []
    for name in _longest_first(true):
        held = recordings.one(name, "FOUND")
        if held is None:
            new.append(name)
        else:
            of_true[name] = held
    of_true |= {name: recordings.add(name, "TRUTH") for name in new}
    _check_apart(of_true)
    order = {parts: i for i, parts in enumerate(sorted(recordings.shown))}
    return Names(
        tuple(recordings.shown[parts] for parts in order),
        {name: order[parts] for name, parts in of_true.items()},
        {name: order[parts] for name, parts in of_found.items()},
    )


def _longest_first(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=lambda name: (-len(parts_of(name)), name))


class _Recordings:
    """Recordings by the parts of their longest names."""

    def __init__(self) -> None:
        self.shown: dict[Parts, str] = {}
        self._by_stem: dict[Parts, list[Parts]] = defaultdict(list)

    def one(self, name: str, where: str) -> Parts | None:
        """The recording that a name is, None where it is none of these."""
        parts = parts_of(name)
        if parts in self.shown:
            return parts
        held = [other for other in self._by_stem.get(parts[-1:], ()) if agree(other, parts)]
        if len(held) > 1:
            names = " or ".join(f"'{self.shown[other]}'" for other in sorted(held)[:3])
            raise InputError(
                f"the file '{name}' can be {names} of {where}", "write its folders in both tables"
            )
        return held[0] if held else None

    def add(self, name: str, where: str) -> Parts:
        """The recording that a name is, which is a new one where it agrees with none."""
        parts = self.one(name, where)
        if parts is None:
            parts = parts_of(name)
            self.shown[parts] = name
            self._by_stem[parts[-1:]].append(parts)
        return parts


def _check_apart(of_true: Mapping[str, Parts]) -> None:
    """Two files of TRUTH in different folders must not be one file of FOUND."""
    by_recording: dict[Parts, list[str]] = defaultdict(list)
    for name, parts in of_true.items():
        by_recording[parts].append(name)
    for names in by_recording.values():
        first = max(names, key=lambda n: len(parts_of(n)))
        for other in names:
            if not agree(parts_of(first), parts_of(other)):
                raise InputError(
                    f"the files '{first}' and '{other}' of TRUTH are one in FOUND, which names no folder",
                    "write the folders in both tables",
                )


def listed(names: Iterable[str], most: int = 3) -> str:
    """`'a.wav', 'b.wav' and 4 more`."""
    every = sorted(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(f"'{name}'" for name in every[:most]) + more
