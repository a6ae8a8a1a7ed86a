"""Parquet: a table with the columns of `data.formats.fields`; times are 64-bit numbers, moments have a zone.

A file of another program is read if it has columns `start_s` and `end_s` of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finback.core.errors import InputError, ManifestError
from finback.core.storage.files import atomic_path
from finback.core.types import Event
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.fields import COLUMNS, FIELDS, NEEDED
from finback.data.formats.records import events_of

NAME = "parquet"
MOST_ROWS = 5_000_000
UTC_TIME = pa.timestamp("us", tz="UTC")
KINDS = {
    "file": pa.string(),
    "species": pa.string(),
    "channel": pa.int32(),
    "start_utc": UTC_TIME,
    "end_utc": UTC_TIME,
}
SCHEMA = pa.schema([(column, KINDS.get(column, pa.float64())) for column in COLUMNS])


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of the rows.

    Raises `InputError` when the file is no Parquet, `ManifestError` when it lacks the columns of times.
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            missing = [name for name in (*NEEDED, label_column) if name is not None and name not in names]
            if missing:
                message = f"{path}: no column {missing[0]} (it has: {', '.join(names[:30])})"
                raise ManifestError(message, "give start_s and end_s in seconds")
            if file.metadata.num_rows > MOST_ROWS:
                message = f"{path}: {file.metadata.num_rows:,} rows are too many (at most {MOST_ROWS:,})"
                raise InputError(message, "give a part of them")
            wanted = [name for name in (*COLUMNS, "label", label_column) if name in names]
            rows = file.read(columns=list(dict.fromkeys(wanted))).to_pylist()
    except FileNotFoundError:
        raise InputError(f"{path}: no such table", "check the path") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path}: cannot be read as Parquet ({reason})", "write it again") from None
    return events_of(path, rows, NAME, label_column)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write a row for each event."""
    columns = {column: [getattr(event, field) for event in events] for column, field in FIELDS.items()}
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=SCHEMA), temporary)
