"""Reading TRUTH and FOUND: tables of events, folders of tables, and scan folders with their effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from finback.core.errors import InputError
from finback.core.types import Event
from finback.data.formats.folder import without_lots
from finback.data.formats.recognise import read_annotations
from finback.data.problems import Problem
from finback.evaluation.detections.facts import EFFORT, facts_of, read_files, text_table, with_hours
from finback.evaluation.detections.repeats import without_repeats
from finback.evaluation.detections.tables import EventTable, FileFacts

TABLES = frozenset((".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".db", ".sqlite", ".xml"))
EVENTS, HOURS = "events.csv", "effort-hours.csv"  # of a scan folder
TRUTH, FILES = "truth.csv", "files.csv"  # of a soundscape
MOST_ROWS = 3  # rows that were left out and are listed, for each table


def read_events(paths: Sequence[Path], name: str, label_column: str | None = None) -> EventTable:
    """The events of tables, folders of tables, or scan folders; `name` (TRUTH, FOUND) is for messages.

    Raises `InputError` for a path that is no such thing.
    """
    tables = [table for path in paths for table in _tables(Path(path), name, label_column)]
    if not tables:
        raise InputError(f"no table is given as {name}", "give a table of events, or a folder")
    files: dict[str, FileFacts] = {}
    for table in tables:
        for file, facts in table.files.items():
            files[file] = facts.over(files.get(file, FileFacts()))
    events, n_repeats = without_repeats([table.events for table in tables])
    notes = [note for table in tables for note in table.notes]
    if n_repeats:
        notes.append(f"{n_repeats} events of {name} stand in several tables and are counted once")
    complete = all(table.complete for table in tables)
    return EventTable(name, tuple(events), files, complete, tuple(dict.fromkeys(notes)))


def _tables(path: Path, name: str, label_column: str | None) -> list[EventTable]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", f"check the path given as {name}")
    if not path.is_dir():
        return [_one_table(path, name, label_column)]
    if (path / EVENTS).is_file():
        return [_scan_folder(path, name, label_column)]
    if (path / TRUTH).is_file() and (path / FILES).is_file():
        return [_soundscape(path, name, label_column)]
    found, lots = without_lots(sorted(p for p in path.rglob("*") if p.is_file() and _is_table(p)))
    if not found:
        raise InputError(
            f"{path}: neither a scan folder ({EVENTS} is missing) nor a folder of tables",
            f"give a table of events as {name}",
        )
    first, *others = _tables_of_folder(found, name, label_column)
    return [replace(first, notes=(*map(str, lots), *first.notes)), *others]


def _tables_of_folder(paths: Sequence[Path], name: str, label_column: str | None) -> list[EventTable]:
    """The tables among the files of a folder; raises the first reason where no file is one."""
    tables: list[EventTable] = []
    reasons: list[InputError] = []
    for path in paths:
        try:
            tables.append(_one_table(path, name, label_column))
        except InputError as error:
            reasons.append(error)
    if not tables:
        raise reasons[0]
    notes = tuple(f"left out: {reason}" for reason in reasons[:MOST_ROWS])
    if len(reasons) > MOST_ROWS:
        notes = (*notes, f"left out: {len(reasons) - MOST_ROWS} more files of {name}")
    return [*tables[:-1], replace(tables[-1], notes=(*tables[-1].notes, *notes))]


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in TABLES and not path.name.startswith((".", "~"))


def _soundscape(folder: Path, name: str, label_column: str | None) -> EventTable:
    """The truth of `finback simulate soundscape`, with its recordings without calls."""
    table = _one_table(folder / TRUTH, name, label_column)
    files, notes = read_files(folder / FILES)
    return replace(table, files={**table.files, **files}, notes=(*table.notes, *notes))


def _scan_folder(folder: Path, name: str, label_column: str | None) -> EventTable:
    table = _one_table(folder / EVENTS, name, label_column)
    if not (folder / EFFORT).is_file():
        note = f"{folder}: has no {EFFORT}, so which files were analysed is unknown"
        return replace(table, notes=(*table.notes, note))
    files, notes = read_files(folder / EFFORT)
    if (folder / HOURS).is_file():
        files = with_hours(files, folder / HOURS)
    return replace(table, files=files, complete=True, notes=(*table.notes, *notes))


def _one_table(path: Path, name: str, label_column: str | None) -> EventTable:
    events, notes = _read(path, label_column)
    text = text_table(path)
    files, more = ({}, ()) if text is None else facts_of(text, _starts(events), label_column)
    return EventTable(name, events, files, False, (*notes, *more))


def _starts(events: Sequence[Event]) -> Mapping[str, datetime]:
    """The start times of files that the UTC times of their events give."""
    starts: dict[str, datetime] = {}
    for event in events:
        if event.start_time is not None:
            starts.setdefault(event.file, event.start_time - timedelta(seconds=event.start_s))
    return starts


def _read(path: Path, label_column: str | None) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """The events of a table, and notes: what was guessed, and the first of the rows that were left out."""
    annotations = read_annotations(path, label_column=label_column)
    notes = [str(problem) for problem in annotations.problems if problem.is_note and not _is_plain(problem)]
    left_out = [str(problem) for problem in annotations.problems if not problem.is_note]
    shown = left_out[:MOST_ROWS]
    if len(left_out) > MOST_ROWS:
        shown.append(f"{path.name}: {len(left_out) - MOST_ROWS} more problems of rows")
    return annotations.events, (*notes, *shown)


def _is_plain(note: Problem) -> bool:
    """Whether a note says only that the columns of finback's own tables were read."""
    return note.kind == "layout" and "'start_s' (s) and 'end_s' (s)" in note.message
