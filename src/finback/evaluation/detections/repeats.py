"""Events that stand in several tables of a folder: exports of one set of events in several formats.

A folder of Raven tables often holds one for each recording and one for the lot. Such events are counted once.
Repeats within one table stay: two calls at one time may be meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from finback.core.types import Event
from finback.data.file_matching import Parts, agree
from finback.evaluation.detections.labels import plain
from finback.evaluation.detections.names import parts_of

NEAR_S = 0.005  # formats round times
Key = tuple[Parts, str, int]


def without_repeats(tables: Sequence[Sequence[Event]]) -> tuple[list[Event], int]:
    """The events of all tables, each once, and the number of repeats that were left out.

    Of repeats the one that states more is kept: not every format holds scores and SNRs.
    """
    if len(tables) == 1:
        return list(tables[0]), 0
    kept: list[Event] = []
    n_repeats = 0
    seen: dict[Key, list[int]] = defaultdict(list)  # places in `kept`
    for events in tables:
        new: list[tuple[Key, Event]] = []
        for event in events:
            name, label, at = key = _key(event)
            near = (i for k in (at - 1, at, at + 1) for i in seen.get((name, label, k), ()))
            same = next((i for i in near if _is_same(event, kept[i])), None)
            if same is None:
                new.append((key, event))
            else:
                n_repeats += 1
                kept[same] = max(kept[same], event, key=_n_stated)
        for key, event in new:
            seen[key].append(len(kept))
            kept.append(event)
    return kept, n_repeats


def _key(event: Event) -> Key:
    """Where an event is looked for: the name of its file, its label, and its start, rounded."""
    return parts_of(event.file)[-1:], plain(event.label), round(event.start_s / NEAR_S)


def _is_same(event: Event, other: Event) -> bool:
    near = abs(event.start_s - other.start_s) <= NEAR_S and abs(event.stop_s - other.stop_s) <= NEAR_S
    channels = event.channel == other.channel or None in (event.channel, other.channel)
    return near and channels and agree(parts_of(event.file), parts_of(other.file))


def _n_stated(event: Event) -> int:
    """How many fields of an event are stated; a longer path states more."""
    values = (event.low_hz, event.high_hz, event.channel, event.score, event.snr_db, event.start_time)
    return sum(value is not None for value in values) + len(parts_of(event.file))
