"""From two tables to arrays: classes, recordings, matched events, and where false alarms can be found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError
from finback.core.types import Event
from finback.evaluation.detections.annotated import Annotated, Spans, covered_s
from finback.evaluation.detections.labels import Classes, find_classes, plain
from finback.evaluation.detections.recordings import Recordings, find_recordings
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable, FileFacts
from finback.metrics.events import EventArrays, Floats, Ints, Matching, match_events


@dataclass(frozen=True, eq=False, slots=True)
class EventList:
    """N events that are evaluated, with their classes and recordings."""

    events: tuple[Event, ...]
    of_class: Ints  # (N,)
    recording: Ints  # (N,)
    counted: NDArray[np.bool_]  # (N,) in a part that is annotated in full
    arrays: EventArrays


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """What the measures are made from. `hours` (C, R): effort for false alarms, NaN: unknown."""

    classes: tuple[str, ...]
    recordings: tuple[str, ...]
    facts: tuple[FileFacts, ...]
    true: EventList
    found: EventList
    matching: Matching
    hours: Floats
    scored: bool
    notes: tuple[str, ...]
    annotated: tuple[Annotated, ...]

    def spans(self, of_class: int, recording: int) -> Spans:
        """Where a recording is annotated in full for a class."""
        return self.annotated[recording].of(plain(self.classes[of_class]))


def prepare(true: EventTable, found: EventTable, settings: DetectionSettings) -> Prepared:
    """Match two tables. Raises `InputError` where they cannot be compared."""
    classes = find_classes(true.events, found.events, settings.same, settings.labels)
    recordings = find_recordings(true, found, settings)
    per_channel = _several_channels(true.events) and _several_channels(found.events)
    maker = _Lists(classes, recordings, per_channel)
    of_true = maker.make(true.events, classes.of_true, recordings.of_true)
    of_found = maker.make(found.events, classes.of_found, recordings.of_found)
    scored = all(event.score is not None for event in of_found.events)
    if scored:
        score = np.array([event.score for event in of_found.events], dtype=np.float64)
        of_found = replace(of_found, arrays=replace(of_found.arrays, score=score))
    notes = [*true.notes, *found.notes, *classes.notes, *recordings.notes]
    return Prepared(
        classes.names,
        recordings.names,
        recordings.facts,
        of_true,
        of_found,
        match_events(of_true.arrays, of_found.arrays, settings.rule),
        maker.hours(),
        scored,
        tuple(dict.fromkeys([*notes, *_notes(of_true, of_found, scored, per_channel, settings)])),
        recordings.annotated,
    )


def _several_channels(events: Iterable[Event]) -> bool:
    """Whether some recording has events on more than one channel."""
    seen: dict[str, int | None] = {}
    return any(seen.setdefault(e.file, e.channel) != e.channel for e in events)


class _Lists:
    """Events as arrays, in terms of the classes and the recordings."""

    def __init__(self, classes: Classes, recordings: Recordings, per_channel: bool) -> None:
        self._keys = tuple(plain(name) for name in classes.names)
        self._facts = recordings.facts
        self._annotated = recordings.annotated
        self._per_channel = per_channel

    def make(
        self, events: Sequence[Event], classes: Mapping[str, int], recordings: Mapping[str, int]
    ) -> EventList:
        kept = tuple(e for e in events if e.label in classes and e.file in recordings)
        of_class = np.array([classes[e.label] for e in kept], dtype=np.int64)
        recording = np.array([recordings[e.file] for e in kept], dtype=np.int64)
        counted = np.array(
            [self._is_counted(e, c, r) for e, c, r in zip(kept, of_class, recording, strict=True)], dtype=bool
        )
        return EventList(kept, of_class, recording, counted, self._arrays(kept, of_class, recording))

    def _is_counted(self, event: Event, of_class: int, recording: int) -> bool:
        spans = self._annotated[recording].of(self._keys[of_class])
        middle = (event.start_s + event.stop_s) / 2
        return any(start <= middle < stop for start, stop in spans)

    def _arrays(self, events: Sequence[Event], of_class: Ints, recording: Ints) -> EventArrays:
        sound = recording * len(self._keys) + of_class
        if self._per_channel:
            channel = np.array([-1 if e.channel is None else e.channel for e in events], dtype=np.int64)
            sound = sound * 65_537 + channel + 1
        return EventArrays(
            sound,
            np.array([e.start_s for e in events], dtype=np.float64),
            np.array([e.stop_s for e in events], dtype=np.float64),
            None,
            np.array([np.nan if e.low_hz is None else e.low_hz for e in events], dtype=np.float64),
            np.array([np.nan if e.high_hz is None else e.high_hz for e in events], dtype=np.float64),
        )

    def hours(self) -> Floats:
        """Hours (C, R) of each recording that are annotated in full for each class; NaN: unknown."""
        each = [
            [
                _hours_of(facts, annotated, key)
                for facts, annotated in zip(self._facts, self._annotated, strict=True)
            ]
            for key in self._keys
        ]
        return np.array(each, dtype=np.float64).reshape(len(self._keys), len(self._facts))


def _hours_of(facts: FileFacts, annotated: Annotated, key: str) -> float:
    spans = annotated.of(key)
    if not spans:
        return 0.0
    effort_s = facts.heard_s
    if effort_s is None:
        ends = spans[-1][1] < float("inf")
        return covered_s(spans, float("inf")) / 3600 if ends else float("nan")
    duration = effort_s if facts.duration_s is None else facts.duration_s
    return min(effort_s, covered_s(spans, duration)) / 3600


def _notes(
    true: EventList, found: EventList, scored: bool, per_channel: bool, settings: DetectionSettings
) -> Iterable[str]:
    if not scored:
        without = sum(e.score is None for e in found.events)
        if settings.threshold is not None or settings.thresholds:
            raise InputError(
                f"{without} of {len(found.events)} found events have no score, so no threshold applies",
                "leave out --threshold, or give scores",
            )
        yield (
            f"{without} of {len(found.events)} found events have no score: there is no curve, no average "
            "precision and no calibration"
        )
    if per_channel:
        yield "both tables state several channels of a recording, so events match within a channel only"
    elif _several_channels(found.events):
        yield (
            "FOUND has events of several channels of a recording and TRUTH has not: a call that is found on "
            "two channels is one hit and one false alarm"
        )
    if settings.rule.kind == "iou" and any(e.start_s == e.stop_s for e in true.events):
        yield f"TRUTH has events without duration, which {settings.rule} hardly ever matches; try collar=3s"
    uncounted = len(found.events) - int(found.counted.sum())
    if uncounted:
        yield (
            f"{uncounted} of {len(found.events)} found events are where TRUTH is not annotated in full: they "
            "are no false alarms, and precision is of the others"
        )
