"""What is evaluated: events of two tables, and what is known of the files they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from finback.core.types import Event
from finback.evaluation.detections.annotated import Annotated


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a table says about a file; None or "": it says nothing."""

    analysed_s: float | None = None  # seconds that were analysed
    duration_s: float | None = None
    start_time: datetime | None = None  # UTC
    site: str = ""
    annotated: Annotated | None = None  # None: not stated
    hours: tuple[datetime, ...] = ()  # of UTC, in which it was analysed; (): not stated

    def over(self, other: FileFacts) -> FileFacts:
        """These facts, and those of `other` where these say nothing."""
        return FileFacts(
            other.analysed_s if self.analysed_s is None else self.analysed_s,
            other.duration_s if self.duration_s is None else self.duration_s,
            self.start_time or other.start_time,
            self.site or other.site,
            other.annotated if self.annotated is None else self.annotated,
            self.hours or other.hours,
        )

    @property
    def heard_s(self) -> float | None:
        """Seconds of effort: those analysed, else the duration."""
        return self.duration_s if self.analysed_s is None else self.analysed_s


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events, what is known of files (by their names as stated), and notes for the reader.

    `complete`: the files are all that were analysed, also those without events (a scan folder).
    """

    name: str
    events: tuple[Event, ...]
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    complete: bool = False
    notes: tuple[str, ...] = ()

    @property
    def scored(self) -> bool:
        """Whether every event has a score."""
        return bool(self.events) and all(e.score is not None for e in self.events)
