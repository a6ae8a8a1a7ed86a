"""The rows of `effort.csv`, `effort-hours.csv` and `errors.csv`.

| column | meaning |
|---|---|
| file, site, channel | of the recording; channel from 0, `mean` for the mean of all |
| start_utc | when the recording begins; empty: unknown, see start_time_source |
| hour_utc, hour_of_file | an hour of UTC; or, of a recording without start time, an hour from its beginning |
| duration_s | recorded seconds; a recorder that sleeps records nothing then |
| analysed_s | seconds; with large_offset_s, of which a large constant offset was removed first |
| skipped_s | not analysed: the sum of the columns that follow |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from finback.core.text import printable
from finback.scan.effort import (
    MICRO,
    SKIPPED,
    Counts,
    Coverage,
    Kind,
    hours_of,
    total_us,
)
from finback.scan.found_events import time_at
from finback.scan.presence import iso_z
from finback.scan.spans import FileState, Problem

COLUMN = {
    Kind.SILENT: "digital_silence_s",
    Kind.DROPOUT: "dropouts_s",
    Kind.CLIPPED: "clipping_s",
    Kind.UNREADABLE: "unreadable_s",
    Kind.BAND_MISSING: "band_missing_s",
    Kind.NOT_YET: "not_analysed_yet_s",
}
SECONDS = ("duration_s", "analysed_s", "skipped_s", *COLUMN.values(), "large_offset_s")
EFFORT = ("file", "site", "channel", "start_utc", *SECONDS, "start_time_source")
HOURS = ("file", "site", "channel", "hour_utc", "hour_of_file", *SECONDS)
ERRORS = ("file", "channel", "start_s", "end_s", "start_utc", "reason", "left_out_by_settings")


def seconds(us: int) -> str:
    """Microseconds as seconds, in full, without an exponent: `3600`, `0.5`."""
    whole, rest = divmod(int(us), MICRO)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)


def effort_row(state: FileState, site: str, coverage: Coverage) -> list[object]:
    """One channel of a file."""
    file = state.file
    start = time_at(file, 0) if file.n_samples else file.start_time
    return [
        printable(file.path),
        site,
        _channel(coverage.channel),
        utc(start),
        *_seconds(total_us(coverage)),
        file.start_time_source,
    ]


def hour_rows(state: FileState, site: str, coverage: Coverage) -> Iterator[list[object]]:
    """One channel of a file, a row for each hour."""
    for row in hours_of(coverage):
        place = (site, _channel(coverage.channel), utc(row.hour), row.hour_of_file)
        yield [printable(state.file.path), *place, *_seconds(row.microseconds)]


def error_rows(problems: Iterable[Problem]) -> Iterator[list[object]]:
    """What could not be analysed."""
    for p in problems:
        rate = p.file.sample_rate
        times = (p.start / rate, p.stop / rate) if rate else (None, None)
        start = time_at(p.file, p.start) if p.file.n_samples else None
        channel = None if p.start == p.stop else _channel(p.channel)
        left_out = "yes" if p.was_skipped else "no"
        yield [printable(p.file.path), channel, *times, utc(start), p.cause, left_out]


def utc(when: datetime | None) -> str | None:
    """`2009-03-29T12:00:00Z`; None where it is unknown."""
    return None if when is None else iso_z(when)


def _seconds(us: Counts) -> list[str]:
    analysed = int(us[Kind.ANALYSED] + us[Kind.OFFSET])
    skipped = [int(us[kind]) for kind in SKIPPED]
    parts = (analysed + sum(skipped), analysed, sum(skipped), *skipped, int(us[Kind.OFFSET]))
    return [seconds(part) for part in parts]


def _channel(channel: int | None) -> str:
    return "mean" if channel is None else str(channel)
