"""Labels whose times are times of day: `start_datetime`, `UTC_end`. The recording's start makes them spans.

A column is read only if each of its values states a zone (`2024-01-31T12:00:00Z`, `+0200`), or its name says
UTC. Local times without a zone are never guessed: then the column is not read, and a note says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from finback.audio.statements import iso
from finback.core.types import Recording
from finback.data.columns import meaning
from finback.data.tables import Row, Table


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A column of times of day with a known zone."""

    position: int
    name: str

    def of(self, row: Row) -> datetime | None:
        """The time in UTC; None for an empty cell. Raises `ValueError` with a reason."""
        text = row.cells[self.position]
        when = iso(text) if text else None
        if text and when is None:
            raise ValueError(f"{self.name} '{text[:40]}' is not a date with a time, as 2024-01-31T12:00:00Z")
        return None if when is None else in_utc(when)


def clock_columns(table: Table) -> tuple[ClockTime | None, ClockTime | None]:
    """The columns of start and end; (None, None) unless both are there and state their zone."""
    found: dict[str, ClockTime] = {}
    for position, name in enumerate(table.header):
        m = meaning(name)
        if m.unit == "clock" and m.role in ("start", "end") and m.role not in found:
            times = [iso(row.cells[position]) for row in table.rows if row.cells[position]]
            known = [when for when in times if when is not None]
            is_utc = re.search(r"utc|gmt", name, re.IGNORECASE) is not None
            if known and (is_utc or all(when.tzinfo is not None for when in known)):
                found[m.role] = ClockTime(position, name)
    return (found["start"], found["end"]) if len(found) == 2 else (None, None)


def in_utc(when: datetime) -> datetime:
    """The time in UTC; a time without a zone is UTC."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def seconds_into(recording: Recording, when: datetime) -> float | None:
    """Seconds from the beginning of the file; None when the time was not recorded, or the start is unknown.

    A recorder that sleeps (HARP) has a schedule: a time between two of its segments was not recorded.
    """
    if recording.start_time is None:
        return None
    segments = recording.schedule or ((0, recording.start_time),)
    at = max((i for i, (_, start) in enumerate(segments) if start <= when), default=0)
    first, start = segments[at]
    seconds = first / recording.sample_rate + (when - start).total_seconds()
    if at + 1 < len(segments) and seconds > segments[at + 1][0] / recording.sample_rate:
        return None
    return seconds
