"""What tables say about files beside their events: effort, duration, start time, site, annotated in full.

A table of files has a column `file` and any of `heard_s`, `duration_s`, `start_time` (UTC), `site`,
`exhaustive` (see `annotated`) and `species` (for `exhaustive` by class). `effort.csv` of a scan folder is
one. In TRUTH itself the columns are `file_duration_s`, `file_start_time`, `site` and `exhaustive`, because
`duration_s` is of events there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from finback.audio.statements import iso
from finback.core.errors import InputError, ManifestError
from finback.data.clock_times import in_utc
from finback.data.numbers import number
from finback.data.tables import Row, Table, read_table
from finback.evaluation.detections.annotated import NONE, Annotated, Spans, read_spans
from finback.evaluation.detections.labels import plain
from finback.evaluation.detections.tables import FileFacts

EFFORT = "effort.csv"  # of a scan folder
FILE = ("file", "path", "begin path", "begin file", "filename", "recording")
LABEL = ("species", "label", "annotation", "class")
OF_FILES = {
    "duration": ("duration_s", "file_duration_s"),
    "start": ("start_time", "start_utc", "file_start_time"),
}
OF_EVENTS = {"duration": ("file_duration_s",), "start": ("file_start_time", "file_start_utc")}

Facts = tuple[dict[str, FileFacts], tuple[str, ...]]  # by file, and notes


def text_table(path: Path) -> Table | None:
    """The rows of a table, None for one that is no delimited text."""
    try:
        return read_table(path, "table of events")
    except InputError:
        return None


def read_files(path: Path) -> Facts:
    """A table of files (see the module's text). Raises `InputError` where it is none."""
    table = read_table(path, "table of files")
    if table.find(*FILE) is None:
        raise ManifestError(f"{path}: no column 'file' (it has: {table.columns})", "name the files there")
    return _facts(table, OF_FILES, {})


def with_hours(files: Mapping[str, FileFacts], path: Path) -> dict[str, FileFacts]:
    """The files with the hours of UTC in which they were analysed, from `effort-hours.csv` of a scan."""
    table = read_table(path, "table of hours")
    file, hour, effort = table.find("file"), table.find("hour_utc"), table.find("analysed_s", "heard_s")
    hours: dict[str, set[datetime]] = defaultdict(set)
    if None not in (file, hour, effort):
        for row in table.rows:
            when = _moment(table, row, hour)
            if when is not None and (_seconds(table, row, effort) or 0) > 0:
                hours[row.get(file)].add(when)
    return {name: replace(facts, hours=tuple(sorted(hours[name]))) for name, facts in files.items()}


def facts_of(table: Table, starts: Mapping[str, datetime], label_column: str | None = None) -> Facts:
    """What a table of events says about its files; `starts`: start times that its events give."""
    return _facts(table, OF_EVENTS, starts, label_column) if table.find(*FILE) is not None else ({}, ())


def _facts(
    table: Table,
    names: Mapping[str, tuple[str, ...]],
    starts: Mapping[str, datetime],
    label_column: str | None = None,
) -> Facts:
    file, site = table.find(*FILE), table.find("site", "deployment", "station")
    analysed = table.find("heard_s", "analysed_s", "analyzed_s", "effort_s")
    duration, start = table.find(*names["duration"]), table.find(*names["start"])
    files: dict[str, FileFacts] = {}
    for row in table.rows:
        name = row.get(file)
        if not name:
            continue
        before = files.get(name, FileFacts())
        effort = _seconds(table, row, analysed)
        if effort is not None and before.analysed_s is not None:  # another channel of the same recording
            effort = max(effort, before.analysed_s)
        said = FileFacts(
            effort,
            _seconds(table, row, duration),
            _moment(table, row, start),
            row.get(site),
        )
        files[name] = said.over(before)
    begins = {name: when for name, f in files.items() if (when := f.start_time or starts.get(name))}
    annotated, notes = _annotated(table, begins, label_column)
    for name, spans in annotated.items():
        files[name] = FileFacts(annotated=spans).over(files[name])
    return files, notes


def _seconds(table: Table, row: Row, column: int | None) -> float | None:
    try:
        value = number(row.get(column))
    except ValueError as error:
        raise _bad(table, row, column, str(error)) from None
    if value is not None and value < 0:
        raise _bad(table, row, column, f"{value:g} s is negative")
    return value


def _moment(table: Table, row: Row, column: int | None) -> datetime | None:
    text = row.get(column)
    when = iso(text) if text else None
    if text and when is None:
        raise _bad(table, row, column, f"'{text[:40]}' is not a date with a time, as 2024-01-31T12:00:00Z")
    return None if when is None else in_utc(when)


def _bad(table: Table, row: Row, column: int | None, why: str) -> ManifestError:
    where = f"{table.path} (row {row.number}): column '{table.header[column or 0]}'"
    return ManifestError(f"{where}: {why}", "correct it, or leave it empty")


def _annotated(
    table: Table, starts: Mapping[str, datetime], label_column: str | None
) -> tuple[dict[str, Annotated], tuple[str, ...]]:
    """What a column `exhaustive` says of each file: the same for all classes, or by class."""
    column, file = table.find("exhaustive"), table.find(*FILE)
    label = table.find(*([label_column] if label_column else LABEL))
    if column is None:
        return {}, ()
    by_file: dict[str, dict[str, set[Spans]]] = defaultdict(lambda: defaultdict(set))
    unclear: dict[str, str] = {}
    for row in table.rows:
        if name := row.get(file):
            try:
                spans = read_spans(row.get(column), starts.get(name))
            except ValueError as error:
                spans = NONE
                unclear.setdefault(row.get(column), f"'{row.get(column)[:60]}' ({error})")
            by_file[name][plain(row.get(label))].add(spans)
    what = "its files count as not annotated in full"
    notes = tuple(f"{table.path.name}: column exhaustive: {why}; {what}" for why in unclear.values())
    return {name: _agreed(labels) for name, labels in by_file.items()}, notes


def _agreed(labels: Mapping[str, set[Spans]]) -> Annotated:
    """One answer for each class; rows of one class that disagree mean that nothing is sure."""
    each = {label: next(iter(spans)) if len(spans) == 1 else NONE for label, spans in labels.items()}
    if len(set(each.values())) == 1:
        return Annotated(next(iter(each.values())))
    return Annotated(each.pop("", NONE), tuple(sorted(each.items())))
