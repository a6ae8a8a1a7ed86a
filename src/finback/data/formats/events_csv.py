"""CSV of finback: one row for each event, all fields of `Event`, empty where a value is not known.

    file,start_s,end_s,species,low_hz,high_hz,channel,score,mean_score,snr_db,start_utc,end_utc
    a.wav,12.5,13.25,Fin whale,15.0,30.0,0,0.97,0.91,12.1,2024-01-31T12:00:12.500000Z,...

The columns `file`, `species`, `start_s`, `end_s` and `channel` (from 0) are those of `finback index`, so that
checked events can be labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from finback.core.storage.csv_files import write_csv
from finback.core.types import Event
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.values import channel_of, moment, optional, own_events, utc_text

NAME = "csv"
COLUMNS = (
    *("file", "start_s", "end_s", "species", "low_hz", "high_hz", "channel"),
    *("score", "mean_score", "snr_db", "start_utc", "end_utc"),
)


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of a CSV, exact if it is as finback wrote it."""
    events = own_events(path, ",", COLUMNS, event_of)
    return Annotations(events or (), NAME)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write all fields of all events."""
    write_csv(path, COLUMNS, map(row_of, events))


def row_of(event: Event) -> tuple[object, ...]:
    """The cells of an event, in the order of `COLUMNS`."""
    return (
        event.file,
        float(event.start_s),
        float(event.stop_s),
        event.label,
        event.low_hz,
        event.high_hz,
        event.channel,
        event.score,
        event.mean_score,
        event.snr_db,
        utc_text(event.start_time),
        utc_text(event.stop_time),
    )


def event_of(row: Mapping[str, str]) -> Event:
    """The event of the cells. Raises `ValueError` for a cell that finback does not write."""
    return Event(
        file=row["file"],
        start_s=float(row["start_s"]),
        stop_s=float(row["end_s"]),
        label=row["species"],
        low_hz=optional(row["low_hz"]),
        high_hz=optional(row["high_hz"]),
        channel=channel_of(row["channel"], first=0),
        score=optional(row["score"]),
        mean_score=optional(row["mean_score"]),
        snr_db=optional(row["snr_db"]),
        start_time=moment(row["start_utc"]),
        stop_time=moment(row["end_utc"]),
    )
