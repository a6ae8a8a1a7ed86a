"""The columns of an event in the tables of finback (CSV, JSON lines, Parquet, SQLite), and their values.

| column | meaning |
|---|---|
| file | name, path or address of the recording |
| start_s, end_s | seconds from the start of the recording |
| species | the label: a species, a call type |
| low_hz, high_hz | the band of the event |
| channel | from 0; empty: the mean of all channels, or not stated |
| score, mean_score | 0 to 1: of the event, and the mean over its windows |
| snr_db | signal to noise, in dB |
| start_utc, end_utc | the moments in UTC, if the start time of the recording is known |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from finback.core.types import Event
from finback.data.formats.values import moment, utc_text

FIELDS = {
    "file": "file",
    "start_s": "start_s",
    "end_s": "stop_s",
    "species": "label",
    "low_hz": "low_hz",
    "high_hz": "high_hz",
    "channel": "channel",
    "score": "score",
    "mean_score": "mean_score",
    "snr_db": "snr_db",
    "start_utc": "start_time",
    "end_utc": "stop_time",
}  # column -> field of `Event`
COLUMNS = tuple(FIELDS)
NEEDED = ("start_s", "end_s")
NUMBERS = ("low_hz", "high_hz", "score", "mean_score", "snr_db")


def values_of(event: Event) -> dict[str, str | float | int | None]:
    """The values of an event by column; moments as text."""
    return {
        "file": event.file,
        "start_s": float(event.start_s),
        "end_s": float(event.stop_s),
        "species": event.label,
        **{column: _float(getattr(event, column)) for column in NUMBERS[:2]},
        "channel": event.channel,
        **{column: _float(getattr(event, column)) for column in NUMBERS[2:]},
        "start_utc": utc_text(event.start_time) or None,
        "end_utc": utc_text(event.stop_time) or None,
    }


def event_of(values: Mapping[str, object]) -> Event:
    """The event of typed values by column; columns that are missing are not stated.

    Raises `ValueError` that names the column, `ManifestError` for times that no event has.
    """
    start, end = (_number(values, column) for column in NEEDED)
    if start is None or end is None:
        raise ValueError("has no start_s or no end_s")
    label = "species" if values.get("species") is not None else "label"
    return Event(
        file=_text(values, "file"),
        start_s=start,
        stop_s=end,
        label=_text(values, label),
        channel=_channel(values),
        start_time=_moment(values, "start_utc"),
        stop_time=_moment(values, "end_utc"),
        **{column: _number(values, column) for column in NUMBERS},
    )


def _float(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _text(values: Mapping[str, object], column: str) -> str:
    value = values.get(column)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{column} is not text")
    return value or ""


def _number(values: Mapping[str, object], column: str) -> float | None:
    value = values.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{column} is not a number")
    if not math.isfinite(value):
        return None  # a missing number in tables of other programs
    return float(value)


def _channel(values: Mapping[str, object]) -> int | None:
    value = _number(values, "channel")
    if value is None:
        return None
    if value < 0 or value != int(value):
        raise ValueError("channel is not a whole number from 0")
    return int(value)


def _moment(values: Mapping[str, object], column: str) -> datetime | None:
    value = values.get(column)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    try:
        return moment(_text(values, column))
    except ValueError as error:
        raise ValueError(f"{column} {error}") from None
