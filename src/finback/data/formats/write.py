"""Write the events of many recordings: a table for each recording and one for the lot, as the format permits.

    write_events("raven", Path("out/raven"), events, files)
    # out/raven/dive3.selections.txt, out/raven/dive4.selections.txt, out/raven/all.selections.txt

Events are sorted, so the same events give the same bytes in any order. A recording without events has a table
without rows: it was analysed. Tables are called after their recordings; where two names are the same to some
file system, the folders above are added (`site1_a`, `site2_a`).
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from finback.core.storage.paths import folded, inside, portable
from finback.core.types import Event
from finback.data.file_matching import stem
from finback.data.formats.base import LOT, Sound
from finback.data.formats.load import load_format
from finback.data.formats.sleeps import refuse_sleeps


def write_events(
    format: str, out: Path, events: Iterable[Event], sounds: Sequence[Sound] = ()
) -> tuple[Path, ...]:
    """Write all tables of a format into a folder, and return their paths.

    `sounds` are all recordings that were analysed, with `path` as the events have it in `file`. Without them
    there are tables only for recordings with events.

    Raises `SettingsError` for an unknown format, `InputError` for an event that spans a sleep of its
    recorder, `WriteError` when a table cannot be written.
    """
    info, module = load_format(format)
    ordered = InOrder(events if isinstance(events, Sequence) else list(events))
    refuse_sleeps(ordered, sounds)
    listed = sorted(sounds, key=lambda sound: str(sound.path))
    by_path = {str(sound.path): sound for sound in listed}
    written: list[Path] = []
    if "recording" in info.tables:
        names = table_names([*by_path, *ordered.files], (LOT,) if "lot" in info.tables else ())
        for file, name in sorted(names.items()):
            path = inside(out, portable(name + info.suffix))
            module.write(path, ordered.of(file), [by_path[file]] if file in by_path else [])
            written.append(path)
    if "lot" in info.tables:
        path = inside(out, LOT + info.suffix)
        module.write(path, ordered, listed)
        written.append(path)
    return tuple(written)


class InOrder(Sequence[Event]):
    """Events in the order of a table. Those of one recording are sorted when they are looked at, so that a
    million of them, which may be made one by one (`scan/tables.py`), are never all in memory."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        places: dict[str, array[int]] = {}
        for i, event in enumerate(events):
            places.setdefault(event.file, array("q")).append(i)
        self._places = {file: places[file] for file in sorted(places)}

    @property
    def files(self) -> tuple[str, ...]:
        """The recordings that have events, in order."""
        return tuple(self._places)

    def of(self, file: str) -> list[Event]:
        """The events of a recording, in order."""
        return sorted((self._events[i] for i in self._places.get(file, ())), key=order)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        for file in self._places:
            yield from self.of(file)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


def order(event: Event) -> tuple[object, ...]:
    """The order of events in a table: by recording, time, channel, label; the rest makes it one order."""
    rest = (event.low_hz, event.high_hz, event.score, event.mean_score, event.snr_db)
    channel = -1 if event.channel is None else event.channel
    values = tuple(float("-inf") if value is None else value for value in rest)
    times = tuple("" if when is None else when.isoformat() for when in (event.start_time, event.stop_time))
    return (event.file, event.start_s, event.stop_s, channel, event.label, *values, *times)


def table_names(files: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A name for the table of each recording; no two are the same to any file system.

    `a` for `site1/a.wav`; where another recording would have that name, `a.wav`, then `site1_a` and
    `site1_a.wav`, with as many folders as it takes, then with a digest of the path. A recording keeps its
    name whatever the others are called, unless they share it.
    """
    left = sorted(set(files))
    names: dict[str, str] = {}
    used = {folded(name) for name in taken}
    depth = 0
    while left:
        of_name: dict[str, list[str]] = defaultdict(list)
        for file in left:
            of_name[folded(portable(_name(file, depth)))].append(file)
        deepest = depth // 2 > max(len(_parts(file)) for file in left)
        for key, members in of_name.items():
            if deepest or (len(members) == 1 and key not in used):
                for file in members:
                    names[file] = f"{_name(file, depth)}-{_digest(file)}" if deepest else _name(file, depth)
                    used.add(key)
        left = [file for file in left if file not in names]
        depth += 1
    return names


def _parts(file: str) -> list[str]:
    return [part for part in re.split(r"[/\\]+", file) if part not in ("", ".")] or ["recording"]


def _name(file: str, depth: int) -> str:
    """Depth 0: the name without its suffix; 1: with it; 2 and 3: the same with the folder before it; ..."""
    parts = _parts(file)
    name = (stem(parts[-1]) or parts[-1]) if depth % 2 == 0 else parts[-1]
    return "_".join([*parts[:-1][len(parts) - 1 - depth // 2 :], name] if depth > 1 else [name])


def _digest(file: str) -> str:
    return blake2b(file.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
