"""From a journal to detections: events at or above their thresholds, with measured boxes.

    found = detections(journal, EventSettings(), Thresholds.uniform(journal.labels, 0.5))
    found.events          # FoundEvents, sorted by file, channel, start
    found.notes           # what the reader of the tables should know

In this order: events from the scores (`events_of`), near ones joined (`join_gap_s`), boxes measured in the
recordings (`measure`), too short and too long ones left out, then those that a person muted, and the rule of
context. The same journal, settings and recordings give the same events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from finback.core.progress import Progress, no_progress
from finback.core.types import Labels
from finback.scan.box_store import BoxStore
from finback.scan.context import in_context
from finback.scan.event_settings import EventSettings
from finback.scan.events import events_of
from finback.scan.found_events import FoundEvent
from finback.scan.journal import Journal
from finback.scan.mutes import Mutes


class ByFile(Protocol):
    """Thresholds of the classes, which may differ between files (`models/thresholds.py`)."""

    def of(self, path: str) -> Sequence[float]:
        """(K,) thresholds for a file."""
        ...


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of a journal, sorted by file, channel, start, end and class."""

    events: list[FoundEvent]
    labels: Labels  # all classes of the model
    called: tuple[str, ...]  # the classes that are reported
    notes: tuple[str, ...]


def detections(
    journal: Journal,
    settings: EventSettings,
    thresholds: ByFile,
    workers: int = 1,
    progress: Progress = no_progress,
    mutes: Mutes | None = None,
) -> Detections:
    """The detections of a journal (see the module).

    Raises `SettingsError` for a background class that the model does not have.
    """
    names = journal.labels.names
    called = tuple(names[k] for k in settings.called(names))
    events: list[FoundEvent] = []
    for file, sections in journal.sections():
        found = events_of(sections, settings, thresholds.of(file.path))
        events += joined(found, settings.join_gap_s)
    notes: list[str] = []
    if settings.measure and events:
        measured = BoxStore(journal.folder).measured(events, journal.header.top_hz, workers, progress)
        events = measured.events
        notes += measured.notes
    events = _of_duration(events, settings, notes)
    if mutes is not None:
        events, muted = mutes.applied(events)
        notes += muted
    if settings.context is not None:
        kept = in_context(events, settings.context)
        if len(kept) < len(events):
            notes.append(
                f"{len(events) - len(kept):,} of {len(events):,} events left out by the rule of context"
            )
        events = kept
    return Detections(sorted(events, key=_order), journal.labels, called, tuple(notes))


def joined(events: Iterable[FoundEvent], gap_s: float) -> list[FoundEvent]:
    """Events of one sound, in order; those of one class with at most `gap_s` between them become one."""
    if gap_s <= 0:
        return list(events)
    found: list[FoundEvent] = []
    last: dict[str, int] = {}
    for event in events:
        i = last.get(event.label)
        if i is not None and event.stretch == found[i].stretch:
            before = found[i]
            if event.start - before.stop <= gap_s * event.file.sample_rate:
                weights = (before.stop - before.start, event.stop - event.start)
                mean = before.mean_score * weights[0] + event.mean_score * weights[1]
                found[i] = replace(
                    before,
                    stop=event.stop,
                    score=max(before.score, event.score),
                    mean_score=mean / sum(weights),
                    reach=(before.reach[0], event.reach[1]),
                    others=tuple(o for o in before.others if o[0] >= event.stop or o[1] <= before.start),
                )
                continue
        last[event.label] = len(found)
        found.append(event)
    return found


def _of_duration(events: list[FoundEvent], settings: EventSettings, notes: list[str]) -> list[FoundEvent]:
    most = float("inf") if settings.max_duration_s is None else settings.max_duration_s
    kept = [event for event in events if settings.min_duration_s <= event.duration_s <= most]
    if len(kept) < len(events):
        notes.append(f"{len(events) - len(kept):,} of {len(events):,} events left out by their duration")
    return kept


def _order(event: FoundEvent) -> tuple[str, int, int, int, str]:
    return (event.file.path, -1 if event.channel is None else event.channel, *event.extent, event.label)
