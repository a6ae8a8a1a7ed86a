"""CSV of finback: one row for each event, all fields of `Event`, empty where a value is not known.

    file,start_s,end_s,species,low_hz,high_hz,channel,score,mean_score,snr_db,start_utc,end_utc
    a.wav,12.5,13.25,Fin whale,15.0,30.0,0,0.97,0.91,12.1,2024-01-31T12:00:12.500000Z,...

The columns `file`, `species`, `start_s`, `end_s` and `channel` (from 0) are those of `finback index`, so that
checked events can be labels. A table that a spreadsheet saved again is read as any table is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from finback.core.storage.csv_files import write_csv
from finback.core.types import Event
from finback.data.formats.any_table import rows_of
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.fields import COLUMNS, event_of, values_of
from finback.data.formats.values import optional, own_events
from finback.data.tables import Table, read_table

NAME = "csv"


def is_own(table: Table) -> bool:
    """Whether a table has the columns of finback that place a label in a recording."""
    return {"file", "start_s", "end_s", "species"} <= set(table.header)


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of a CSV, exact if it is as finback wrote it."""
    events = own_events(path, ",", COLUMNS, _event_of) if label_column in (None, "species") else None
    if events is not None:
        return Annotations(events, NAME)
    return replace(rows_of(read_table(path, "table of events"), label_column), format=NAME)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write all fields of all events."""
    write_csv(path, COLUMNS, (tuple(values_of(event).values()) for event in events))


def _event_of(row: Mapping[str, str]) -> Event:
    """The event of a row that finback wrote. Raises `ValueError` for any other."""
    numbers = {
        column: optional(row[column])
        for column in COLUMNS
        if column not in ("file", "species", "start_utc", "end_utc")
    }
    return event_of({**row, **numbers})
