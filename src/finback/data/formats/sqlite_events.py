"""SQLite: a database with one table `events`, whose columns are those of `data.formats.fields`.

sqlite3 all.sqlite "select species, count(*) from events where score > 0.9 group by species"
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from finback.core.errors import InputError, ManifestError
from finback.core.storage.files import atomic_path
from finback.core.types import Event
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.fields import COLUMNS, NEEDED, values_of
from finback.data.formats.records import events_of

NAME = "sqlite"
TEXT = ("file", "species", "start_utc", "end_utc")
KINDS = {**dict.fromkeys(TEXT, "TEXT"), "channel": "INTEGER"}
CREATE = "CREATE TABLE events ({})".format(", ".join(f"{c} {KINDS.get(c, 'REAL')}" for c in COLUMNS))
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
INSERT = "INSERT INTO events VALUES ({})".format(", ".join("?" for _ in COLUMNS))


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of the table `events`. Raises `InputError` for no database, `ManifestError` without it."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such database", "check the path")
    try:
        # Immutable: nothing is written beside the file, also where its folder may not be written to.
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            tables = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            if "events" not in tables:
                message = f"{path}: no table 'events' (it has: {', '.join(map(str, tables[:30]))})"
                raise ManifestError(message, "give a database with a table events")
            cursor = database.execute("SELECT * FROM events ORDER BY rowid")
            names = [column[0] for column in cursor.description]
            missing = [name for name in (*NEEDED, label_column) if name is not None and name not in names]
            if missing:
                message = f"{path}: no column {missing[0]} in table events (it has: {', '.join(names[:30])})"
                raise ManifestError(message, "give start_s and end_s in seconds")
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as a database of SQLite ({error})", "write it again"
        ) from None
    return events_of(path, rows, NAME, label_column)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write a row for each event into a new database."""
    with atomic_path(path) as temporary:
        try:
            with closing(sqlite3.connect(temporary)) as database, database:
                database.execute("PRAGMA journal_mode = OFF")
                database.execute(CREATE)
                database.executemany(INSERT, (tuple(values_of(event).values()) for event in events))
        except sqlite3.OperationalError as error:  # a full disk, too
            raise OSError(str(error)) from error
