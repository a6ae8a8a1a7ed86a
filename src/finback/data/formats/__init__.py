"""Tables of events, in and out: one file for each format, with `read(path)` and `write(path, events)`.

    read_annotations("dive3.selections.txt")         # `read`: any table; the format is known by its content
    write_events("raven", Path("out"), events, sounds)  # `write`: a table for each recording, and one for all

To add a format, write a file and add a line here. One round-trip test covers all formats that are written;
`holds` names the fields of an `Event` that the format can hold, beside its two times.
"""

from __future__ import annotations

from finback.data.formats.base import ALL, Format

FORMATS = {
    "raven": Format(
        name="raven",
        what="selection table of Raven, tab-separated text",
        module="finback.data.formats.raven",
        suffix=".selections.txt",
        holds=ALL,
        tables=("recording", "lot"),
    ),
    "audacity": Format(
        name="audacity",
        what="label file of Audacity, one for each recording",
        module="finback.data.formats.audacity",
        suffix=".txt",
        holds=frozenset(("label", "low_hz", "high_hz")),
        tables=("recording",),
    ),
    "kaleidoscope": Format(
        name="kaleidoscope",
        what="CSV of Kaleidoscope, as cluster.csv",
        module="finback.data.formats.kaleidoscope",
        suffix=".csv",
        holds=frozenset(("file", "label", "low_hz", "high_hz", "channel")),
    ),
    "csv": Format(
        name="csv",
        what="CSV of finback",
        module="finback.data.formats.events_csv",
        suffix=".csv",
        holds=ALL,
    ),
    "jsonl": Format(
        name="jsonl",
        what="JSON lines, an object for each event",
        module="finback.data.formats.json_lines",
        suffix=".jsonl",
        holds=ALL,
    ),
    "parquet": Format(
        name="parquet",
        what="Parquet, for large tables",
        module="finback.data.formats.parquet_events",
        suffix=".parquet",
        holds=ALL,
    ),
    "sqlite": Format(
        name="sqlite",
        what="database of SQLite with a table events",
        module="finback.data.formats.sqlite_events",
        suffix=".sqlite",
        holds=ALL,
    ),
    "table": Format(
        name="table",
        what="any table whose columns say what they are, of other programs too",
        module="finback.data.formats.any_table",
        suffix=".csv",
        holds=ALL,
        writes=False,
    ),
}
