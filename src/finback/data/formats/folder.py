"""All tables in a folder. The table of the lot is left out where the recordings have tables of their own.

A person who checks detections in Raven corrects the tables of the recordings. If the table of the lot beside
them was read too, every event would be there twice, and what was deleted would come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from finback.core.errors import InputError
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.base import LOT, Annotations
from finback.data.formats.recognise import AUTO, read_annotations
from finback.data.problems import Problem

LOT_SUFFIXES = tuple(info.suffix for info in FORMATS.values() if len(info.tables) == 2)
LOT_NAMES = tuple(LOT + suffix for suffix in LOT_SUFFIXES)
SUFFIXES = (".txt", ".tsv", ".csv", ".log", ".jsonl", ".ndjson", ".parquet", ".sqlite", ".db")


def without_lots(paths: Iterable[Path]) -> tuple[list[Path], tuple[Problem, ...]]:
    """The tables without those of the lot (`all.selections.txt`) beside tables of recordings, and notes."""
    found = list(paths)
    kept: list[Path] = []
    notes: list[Problem] = []
    for path in found:
        others = [p for p in found if p.parent == path.parent and p != path] if path.name in LOT_NAMES else []
        beside = sum(other.name.endswith(LOT_SUFFIXES) for other in others)
        if beside:
            message = f"is not read, since tables of recordings stand beside it ({beside})"
            repair = "give it by itself if it is the table that you edited"
            notes.append(Problem("lot_table", path.name, None, message, repair))
        else:
            kept.append(path)
    return kept, tuple(notes)


def read_folder(
    folder: Path, format: str = AUTO, label_column: str | None = None, label: str = ""
) -> tuple[tuple[Annotations, ...], tuple[Problem, ...]]:
    """The tables in a folder and its sub-folders, and problems: tables and rows that were left out, notes.

    Raises `InputError` when there is no table, or none can be read.
    """
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~")) and path.is_file()
    )
    paths, notes = without_lots(paths)
    if not paths:
        raise InputError(f"{folder}: no tables ({', '.join(SUFFIXES)}) in this folder", "give a table")
    tables: list[Annotations] = []
    problems: list[Problem] = list(notes)
    for path in paths:
        try:
            table = read_annotations(path, format, label_column, label)
        except InputError as error:
            message = error.problem.removeprefix(f"{path}: ")
            problems.append(Problem("unread_table", path.name, None, message, error.repair))
            continue
        tables.append(table)
        problems += table.problems
    if not tables:
        message = f"{folder}: none of its {len(paths)} tables can be read"
        raise InputError(f"{message}; first: {problems[0]}")
    return tuple(tables), tuple(problems)


def events_once(tables: Sequence[Annotations]) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
    """The events of all tables, and a note if some were in another table too: these are there once.

    An event that one table states twice is there twice.
    """
    events: list[Event] = []
    before: set[Event] = set()
    repeated: list[Event] = []
    for table in tables:
        repeated += [event for event in table.events if event in before]
        events += [event for event in table.events if event not in before]
        before.update(table.events)
    if not repeated:
        return tuple(events), ()
    message = f"{len(repeated)} events stand in two tables, and are read once"
    return tuple(events), (Problem("repeated_event", repeated[0].file, None, message, "no repair is needed"),)
