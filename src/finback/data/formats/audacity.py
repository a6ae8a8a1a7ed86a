r"""Label files of Audacity: lines of start, end and label, separated by tabs, without a header.

    12.25	13.5	Fin whale
    \	15.0	90.0

The second line gives the low and high frequency of the label above it; a negative one is not stated. The file
has the name of its recording, and its text holds no tabs or line breaks: spaces are written in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finback.core.errors import FinbackError, ManifestError
from finback.core.storage.files import write_atomic
from finback.core.text import cell, from_cell
from finback.core.types import Event
from finback.data.formats.base import Annotations, Fault, Sound
from finback.data.formats.collected import placed
from finback.data.formats.names import recording_called
from finback.data.formats.values import plain
from finback.data.numbers import Comma, comma_of, number
from finback.data.problems import Problem
from finback.data.table_text import EmptyTableError, read_text

NAME = "audacity"
BAND = "\\"
_TIME = r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?"
_LABEL_LINE = re.compile(rf"\s*{_TIME}\t\s*{_TIME}\s*(?:\t.*)?")


@dataclass(frozen=True, slots=True)
class Label:
    """One label: its line, its text as typed, its times in seconds and its band, or a fault."""

    line: int
    text: str
    start_s: float = 0.0
    end_s: float = 0.0
    low_hz: float | None = None
    high_hz: float | None = None
    fault: Fault | None = None


def is_label_text(text: str) -> bool:
    """Whether the first line that is not empty is a label of Audacity."""
    first = next((line for line in _lines(text[:100_000]) if line.strip()), "")
    return _LABEL_LINE.fullmatch(first) is not None


def is_label_file(path: Path) -> bool:
    """Whether a file holds labels of Audacity."""
    try:
        return is_label_text(read_text(path, "label file")[0])
    except FinbackError:
        return False


def labels(path: Path) -> Iterator[Label]:
    """The labels of a file, each with its band. Raises `InputError` when the file is no text."""
    lines = [line.split("\t") for line in _lines(read_text(path, "label file")[0])]
    comma = comma_of(cell for cells in lines if not _is_band(cells) for cell in cells[:2])
    last: Label | None = None
    for line, cells in enumerate(lines, start=1):
        if _is_band(cells):
            last = None if last is None else _with_band(last, cells, comma)
        elif any(cell.strip() for cell in cells):
            if last is not None:
                yield last
            last = _label(line, cells, comma)
    if last is not None:
        yield last


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The labels of a file as events of the recording that it is called after; a point has no length."""
    events: list[Event] = []
    problems: list[Problem] = []
    file = recording_called(path.name)
    try:
        for label in labels(path):
            if label.fault is not None:
                problems.append(
                    Problem(label.fault.kind, file, label.line, label.fault.message, label.fault.repair)
                )
                continue
            event = placed(file, label.start_s, label.end_s, label.text)
            if isinstance(event, Fault):
                problems.append(Problem(event.kind, file, label.line, event.message, event.repair))
            else:
                events.append(replace(event, low_hz=label.low_hz, high_hz=label.high_hz))
    except EmptyTableError:  # Audacity writes a file without lines where nothing was labelled
        return Annotations((), NAME)
    if problems and not events:
        raise ManifestError(f"{path}: no label can be read; first: {problems[0]}", "export the labels again")
    return Annotations(tuple(events), NAME, tuple(problems))


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write the events of one recording: a line for each, and one for its band if it has one."""
    write_atomic(path, "".join(map(_written, events)))


def _written(event: Event) -> str:
    text = cell(re.sub(r"[\t\r\n]", " ", event.label))
    lines = f"{plain(event.start_s)}\t{plain(event.stop_s)}\t{text}\n"
    if event.low_hz is None and event.high_hz is None:
        return lines
    low, high = (plain(-1.0 if hz is None else hz) for hz in (event.low_hz, event.high_hz))
    return f"{lines}{BAND}\t{low}\t{high}\n"


def _label(line: int, cells: Sequence[str], comma: Comma) -> Label:
    text = from_cell(cells[2]).strip() if len(cells) > 2 else ""
    label = Label(line, text)
    try:
        start, end = (number(cell, comma) for cell in [*cells, ""][:2])
    except ValueError as error:
        return replace(label, fault=Fault("bad_span", f"the time {error}", "export the labels again"))
    if any(cell.strip() for cell in cells[3:]):
        message = f"has {len(cells)} values: a label has start, end and text"
        return replace(label, fault=Fault("columns", message, "put no tab into the text of a label"))
    if start is None or end is None:
        return replace(label, fault=Fault("bad_span", "has no start or no end", "export the labels again"))
    return replace(label, start_s=start, end_s=end)


def _with_band(label: Label, cells: Sequence[str], comma: Comma) -> Label:
    try:
        low, high = (number(cell, comma) for cell in [*cells, "", ""][1:3])
    except ValueError:
        return label
    low, high = (None if hz is None or hz < 0 else hz for hz in (low, high))
    return replace(label, low_hz=low, high_hz=high)


def _is_band(cells: Sequence[str]) -> bool:
    return cells[0].strip() == BAND


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)
