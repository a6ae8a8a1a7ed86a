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
    "csv": Format(
        name="csv",
        what="CSV of finback, with all fields",
        module="finback.data.formats.events_csv",
        suffix=".csv",
        holds=ALL,
        tables=("lot",),
    ),
}
