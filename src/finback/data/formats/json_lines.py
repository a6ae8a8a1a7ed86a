"""JSON lines: an object on each line with the columns of `data.formats.fields`, null where one is not known.

    {"file": "a.wav", "start_s": 12.5, "end_s": 13.25, "species": "Fin whale", "low_hz": 15.0, ...}

Other keys are left alone, so lines of other programs with `file`, `start_s` and `end_s` are read too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.storage.files import write_atomic
from finback.core.storage.plain_json import parsed
from finback.core.types import Event
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.fields import NEEDED, event_of, values_of
from finback.data.problems import Problem
from finback.data.table_text import EmptyTableError, read_bytes

NAME = "jsonl"


def is_json_lines(data: bytes) -> bool:
    """Whether the first line is an object with the times of an event."""
    try:
        first = parsed(next(filter(None, map(bytes.strip, data[:1_000_000].splitlines())), b"{}"))
    except ValueError:
        return False
    return isinstance(first, dict) and all(key in first for key in NEEDED)


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The events of the lines. Raises `ManifestError` when no line can be read."""
    events: list[Event] = []
    problems: list[Problem] = []
    try:
        lines = read_bytes(path, "table").split(b"\n")
    except EmptyTableError:  # no event, no line
        return Annotations((), NAME)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = parsed(line)
            if not isinstance(value, dict):
                raise ValueError("is no object")
            events.append(
                event_of(value if label_column is None else {**value, "species": value[label_column]})
            )
        except KeyError:
            problems.append(Problem("empty_label", path.name, number, f"has no {label_column}", "add it"))
        except ValueError as error:
            problems.append(Problem("bad_line", path.name, number, str(error), "correct the line"))
        except ManifestError as error:
            problems.append(Problem("bad_span", path.name, number, error.problem, error.repair))
    if problems and not events:
        raise ManifestError(
            f"{path}: no line can be read; first: {problems[0]}", "give lines of JSON objects"
        )
    return Annotations(tuple(events), NAME, tuple(problems))


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write a line for each event."""
    write_atomic(path, "".join(json.dumps(values_of(e), ensure_ascii=False) + "\n" for e in events))
