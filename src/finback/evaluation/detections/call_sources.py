"""From which recording group each call of a soundscape was placed, where a truth table says so.

The calls of one tape are of one animal or group, through one recorder. In a soundscape they come in many
recordings, so recordings alone do not tell how many independent calls there are. The column is
`source_group`, as `finback simulate soundscape` writes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from finback.core.types import Event
from finback.evaluation.detections.facts import text_table
from finback.evaluation.detections.inputs import TRUTH
from finback.evaluation.detections.labels import plain
from finback.metrics.events import Ints

Sources = dict[tuple[str, int, str], str]


def call_sources(paths: Iterable[str | Path]) -> Sources:
    """The source group of each call; empty where no table has any."""
    found: Sources = {}
    for path in map(Path, paths):
        table = text_table(path / TRUTH if path.is_dir() else path)
        if table is None:
            continue
        at = [table.find(name) for name in ("file", "start_s", "species", "source_group")]
        if None in at:
            continue
        for row in table.rows:
            file, start, label, group = (row.get(i) for i in at)
            if group:
                found[_key(file, start, label)] = group
    return found


def shared_sources(sources: Sources) -> tuple[str, ...]:
    """A note, if calls of one tape are in several recordings: leaving a recording out leaves no tape out."""
    files: dict[str, set[str]] = defaultdict(set)
    for (file, _, _), group in sources.items():
        files[group].add(file)
    if all(len(names) < 2 for names in files.values()):
        return ()
    return (
        "recordings of the soundscape share tapes, so the left-out ones are not new, and other tapes may "
        "give less; simulate it with --apart",
    )


def source_codes(sources: Sources, events: Sequence[Event], of_events: Ints, groups: Ints) -> Ints:
    """(T,) codes of the sources of some of the events; a call without a source is of its group (T,)."""
    names = [
        sources.get(_key(events[i].file, events[i].start_s, events[i].label), f"\0{group}")
        for i, group in zip(of_events.tolist(), groups.tolist(), strict=True)
    ]
    return np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)


def _key(file: str, start: str | float, label: str) -> tuple[str, int, str]:
    """Name of the file, start in milliseconds, and label; the start is -1 where it is no number."""
    try:
        ms = round(1000 * float(start))
    except ValueError:
        ms = -1
    return Path(file.replace("\\", "/")).name, ms, plain(label)
