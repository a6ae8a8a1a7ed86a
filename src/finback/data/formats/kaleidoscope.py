"""Tables of Kaleidoscope (Wildlife Acoustics), with the columns of its `cluster.csv` that an event can fill.

    INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,Fmax,TOP1MATCH*,MANUAL ID
    ,site1,a.wav,0,12.5,0.75,15.0,30.0,Fin whale,

`TOP1MATCH*` is what a detector found, `MANUAL ID` what a person says; the second goes first when a table is
read. A label with a score is written into the first, a label without a score into the second.
`TOP1DIST` is a distance between clusters and no score, so a score is not written. Column names as in
https://www.wildlifeacoustics.com/resources/user-guides (Kaleidoscope Pro).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.storage.csv_files import write_csv
from finback.core.types import Event
from finback.data.formats.any_table import rows_of
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.names import folder_and_name, is_absolute, joined
from finback.data.formats.values import channel_of, decimal, optional, own_events, plain, total
from finback.data.tables import Table, read_table

NAME = "kaleidoscope"
COLUMNS = (
    *("INDIR", "FOLDER", "IN FILE", "CHANNEL", "OFFSET", "DURATION"),
    *("Fmin", "Fmax", "TOP1MATCH*", "MANUAL ID"),
)


def is_kaleidoscope(table: Table) -> bool:
    """Whether a table has the columns that Kaleidoscope always writes."""
    return all(table.find(name) is not None for name in ("IN FILE", "OFFSET", "DURATION"))


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of a table. Raises `ManifestError` when it has no columns of Kaleidoscope."""
    events = own_events(path, ",", COLUMNS, _event_of) if label_column is None else None
    if events is not None:
        return Annotations(events, NAME)
    table = read_table(path, "table")
    if not is_kaleidoscope(table):
        message = f"{path}: no columns IN FILE, OFFSET and DURATION (it has: {table.columns})"
        raise ManifestError(message, "give a table of Kaleidoscope")
    return replace(rows_of(table, label_column), format=NAME)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write a row for each event."""
    write_csv(path, COLUMNS, map(_row, events))


def _row(event: Event) -> tuple[str, ...]:
    folder, name = folder_and_name(event.file)
    start, stop = decimal(event.start_s), decimal(event.stop_s)
    is_stated = event.score is None  # by a person or a table, not by a detector
    return (
        folder if is_absolute(folder) else "",
        "" if is_absolute(folder) else folder,
        name,
        "" if event.channel is None else str(event.channel),
        plain(start),
        plain(total(stop, -start)),
        plain(event.low_hz),
        plain(event.high_hz),
        "" if is_stated else event.label,
        event.label if is_stated else "",
    )


def _event_of(row: Mapping[str, str]) -> Event:
    """The event of a row that finback wrote. Raises `ValueError` for any other."""
    start = Decimal(row["OFFSET"])
    return Event(
        file=joined(row["INDIR"], joined(row["FOLDER"], row["IN FILE"])),
        start_s=float(start),
        stop_s=float(total(start, Decimal(row["DURATION"]))),
        label=row["MANUAL ID"] or row["TOP1MATCH*"],
        low_hz=optional(row["Fmin"]),
        high_hz=optional(row["Fmax"]),
        channel=channel_of(row["CHANNEL"], first=0),
    )
