"""From a table of any format, or a folder of tables, to a table of another format.

converted = convert(Path("dive3.selections.txt"), Path("dive3.jsonl"))
converted.lost  # ("the score",): what the events state and the new format does not hold
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.audio.time_options import NAMES, TimeOptions
from finback.core.errors import InputError, SettingsError, WriteError
from finback.core.storage.folders import added_folder
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.base import Format
from finback.data.formats.folder import events_once, read_folder
from finback.data.formats.load import load_format, written_formats
from finback.data.formats.placed import Found, placed_in
from finback.data.formats.recognise import AUTO, read_annotations
from finback.data.formats.sleeps import refuse_sleeps
from finback.data.formats.write import write_events
from finback.data.problems import Problem

# `.txt` is that of two formats, so it says nothing.
SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".sqlite": "sqlite",
    ".db": "sqlite",
}


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
    source: Path,
    target: Path,
    to: str | None = None,
    of: str = AUTO,
    label_column: str | None = None,
    label: str = "",
    audio: Path | None = None,
    times: TimeOptions = NAMES,
) -> Converted:
    """Read a table, or all tables in a folder, and write their events to a file, or as tables into a folder.

    A `target` without a suffix is a new folder. `to` is the format to write (default: by the suffix of
    `target`), `of` the format to read, `label` the label of events without one. `audio` is the folder of the
    recordings: it gives the events their full paths and UTC times, and Raven the times in a sequence and the
    whole band; `times` are the pattern and the zone of start times in their names.

    Raises `InputError` when no table can be read, or when one file would hold the labels of several
    recordings without their names; `SettingsError` when the format is unknown; `WriteError` when `target` is
    a file that is there; `RunError` when it is a folder with other files.
    """
    source, target = Path(source), Path(target)
    info = _format_of(target, to)
    _check_new(target)
    if source.is_dir():
        tables, problems = read_folder(source, of, label_column, label)
    else:
        tables = (read_annotations(source, of, label_column, label),)
        problems = tables[0].problems
    events, notes = events_once(tables)
    problems += notes
    sounds: tuple[Found, ...] = ()
    if audio is not None:
        events, sounds, notes = placed_in(audio, events, times)
        problems += notes
    if not target.suffix:
        with added_folder(target) as hidden:
            written = write_events(info.name, hidden, events, sounds)
        written = tuple(target / path.relative_to(hidden) for path in written)
    else:
        _check_one_recording(info, events, target)
        refuse_sleeps(events, sounds)
        load_format(info.name)[1].write(target, events, sounds)
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
    if target.exists() and not (target.is_dir() and not target.suffix):
        raise WriteError(f"{target}: is there already", "give the name of a new file")


def _check_one_recording(info: Format, events: Sequence[Event], target: Path) -> None:
    files = {event.file for event in events}
    if "file" not in info.holds and len(files) > 1:
        message = f"{target}: {info.name} holds no names of recordings, and the events are of {len(files)}"
        raise InputError(
            message, "give a folder (a name without a suffix): each recording gets its own table"
        )
