"""From a table of any format, or a folder of tables, to a table of another format.

converted = convert(Path("dive3.selections.txt"), Path("dive3.jsonl"))
converted.lost  # ("the score",): what the events state and the new format does not hold
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import InputError, SettingsError, WriteError
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.base import Annotations, Format
from finback.data.formats.load import load_format, written_formats
from finback.data.formats.recognise import AUTO, read_annotations
from finback.data.formats.write import write_events
from finback.data.problems import Problem

# `.txt` is that of two formats, so it says nothing.
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet", ".sqlite": "sqlite", ".db": "sqlite"}
TABLES = (".txt", ".tsv", ".csv", ".log", *(suffix for suffix in SUFFIXES if suffix != ".csv"))


@dataclass(frozen=True, slots=True)
class Converted:
    """What was read and written."""

    events: tuple[Event, ...]
    read: tuple[str, ...]  # formats of the tables
    format: str
    written: tuple[Path, ...]
    lost: tuple[str, ...]  # what the events state and the format does not hold, in words
    problems: tuple[Problem, ...]  # rows and tables that were left out, and notes

    @property
    def n_recordings(self) -> int:
        return len({event.file for event in self.events})

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; the events are counted only."""
        return {
            "read": list(self.read),
            "format": self.format,
            "n_events": len(self.events),
            "n_recordings": self.n_recordings,
            "written": [str(path) for path in self.written],
            "lost": list(self.lost),
            "problems": [problem.as_dict() for problem in self.problems],
        }


def convert(
    source: Path, target: Path, to: str | None = None, of: str = AUTO, label_column: str | None = None
) -> Converted:
    """Read a table, or all tables in a folder, and write their events to a file, or as tables into a folder.

    A `target` without a suffix is a new folder. `to` is the format to write (default: by the suffix of
    `target`), `of` the format to read.

    Raises `InputError` when no table can be read, or when one file would hold the labels of several
    recordings without their names; `SettingsError` when the format is unknown; `WriteError` when `target` is
    there.
    """
    source, target = Path(source), Path(target)
    info = _format_of(target, to)
    _check_new(target)
    tables, problems = _read(source, of, label_column)
    events, repeated = _once(tables)
    problems += repeated
    if not target.suffix:
        written = write_events(info.name, target, events)
    else:
        _check_one_recording(info, events, target)
        load_format(info.name)[1].write(target, events)
        written = (target,)
    read = tuple(sorted({table.format for table in tables}))
    return Converted(events, read, info.name, written, info.lost(events), problems)


def _format_of(target: Path, to: str | None) -> Format:
    known = ", ".join(written_formats())
    if to is None and target.name.lower().endswith(FORMATS["raven"].suffix):
        to = "raven"
    to = SUFFIXES.get(target.suffix.lower()) if to is None else to
    if to is None:
        raise SettingsError(f"{target}: its name does not say the format", f"give --format: {known}")
    info, _ = load_format(to)
    if not info.writes:
        raise SettingsError(f"format '{to}' is only read", f"written are: {known}")
    return info


def _check_new(target: Path) -> None:
    """Raises `WriteError` when something would be written over."""
    if target.is_dir() and not target.suffix:
        if any(target.iterdir()):
            raise WriteError(f"{target}: the folder is not empty", "give the name of a new folder")
    elif target.exists():
        raise WriteError(f"{target}: is there already", "give the name of a new file")


def _check_one_recording(info: Format, events: Sequence[Event], target: Path) -> None:
    files = {event.file for event in events}
    if "file" not in info.holds and len(files) > 1:
        message = f"{target}: {info.name} holds no names of recordings, and the events are of {len(files)}"
        raise InputError(
            message, "give a folder (a name without a suffix): each recording gets its own table"
        )


def _once(tables: Sequence[Annotations]) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
    """The events of all tables; one that stands in two tables (of the recording, and of the lot) once."""
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


def _read(
    source: Path, of: str, label_column: str | None
) -> tuple[tuple[Annotations, ...], tuple[Problem, ...]]:
    if not source.is_dir():
        table = read_annotations(source, of, label_column)
        return (table,), table.problems
    paths = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in TABLES and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(f"{source}: no tables ({', '.join(TABLES)}) in this folder", "give a table")
    tables: list[Annotations] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            table = read_annotations(path, of, label_column)
        except InputError as error:
            message = error.problem.removeprefix(f"{path}: ")
            problems.append(Problem("unread_table", path.name, None, message, error.repair))
            continue
        tables.append(table)
        problems += table.problems
    if not tables:
        raise InputError(f"{source}: none of its {len(paths)} tables can be read; first: {problems[0]}")
    return tuple(tables), tuple(problems)
