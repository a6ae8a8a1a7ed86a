"""Events of a recording of an hour, for tests of machines and mutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from scanned import file_of

from finback.scan.found_events import Box, FoundEvent

START = datetime(2009, 3, 29, 12, tzinfo=UTC)


def event(path: str, start: float, length: float = 1.0, **changes: object) -> FoundEvent:
    """An event of a recording of an hour at 1,000 Hz."""
    scanned_file = replace(file_of(path, 3599), start_time=START)
    a, b = round(start * 1000), round((start + length) * 1000)
    box = Box(a, b, 100.0, 200.0, 10.0)
    made = FoundEvent(scanned_file, None, "Fin whale", a, b, 0.9, 0.8, (a, b), (0, 3_600_000), (), box)
    return replace(made, **changes)  # type: ignore[arg-type]
