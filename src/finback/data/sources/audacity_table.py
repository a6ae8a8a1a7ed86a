r"""One label file of Audacity: lines of start, end and label, separated by tabs, without a header.

    12.25	13.5	Fin whale
    \	15.0	90.0

The second line gives the frequencies of the label above it; they are not used. A label without length (a
point) names no span and is not used. The file has the name of its recording.
"""

from __future__ import annotations

import re
from pathlib import Path

from finback.core.errors import FinbackError
from finback.data.numbers import comma_of, number
from finback.data.problems import Problem
from finback.data.sources.base import Labelled, LabelRow, recording_called, species_name, unnamed_species
from finback.data.table_text import read_text

_TIME = r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?"
_LABEL_LINE = re.compile(rf"\s*{_TIME}\t\s*{_TIME}\s*(?:\t.*)?")


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


def read_labels(path: Path, many: bool) -> Labelled:
    """The labels of a file; `many`: it is one of several. Raises `InputError` when the file is no text."""
    text, _ = read_text(path, "label file")
    lines = [line.split("\t") for line in _lines(text)]
    comma = comma_of(cell for cells in lines if cells[0].strip() != "\\" for cell in cells[:2])
    rows: list[LabelRow] = []
    problems: list[Problem] = []
    file = recording_called(path.name)
    for line, cells in enumerate(lines, start=1):
        if not any(cell.strip() for cell in cells) or cells[0].strip() == "\\":
            continue
        row = LabelRow(file=file, species="", row=line, table=path.name if many else "")
        label = cells[2] if len(cells) > 2 else ""
        try:
            start, end = (number(cell, comma) for cell in [*cells, ""][:2])
        except ValueError as error:
            problems.append(row.problem("bad_span", f"the time {error}", "export the labels again"))
            continue
        if any(cell.strip() for cell in cells[3:]):
            message = f"has {len(cells)} values: a label has start, end and text"
            problems.append(row.problem("columns", message, "put no tab into the text of a label"))
        elif start is None or end is None:
            problems.append(row.problem("bad_span", "has no start or no end", "export the labels again"))
        elif start == end:
            message = f"the label at {start} s is a point without length"
            problems.append(row.problem("bad_span", message, "drag the label over the sound"))
        elif unnamed_species(label.strip()):
            message, repair = "the label has no text", "write the species as the text of the label"
            problems.append(row.problem("empty_label", message, repair))
        else:
            rows.append(
                LabelRow(
                    file=file,
                    species=species_name(label),
                    row=line,
                    table=row.table,
                    start_s=start,
                    end_s=end,
                    cut=True,
                )
            )
    return Labelled(tuple(rows), tuple(problems))


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)
