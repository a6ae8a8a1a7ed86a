"""How the labels of one file of Audacity become labels of clips: each needs a length and a species."""

from __future__ import annotations

from pathlib import Path

from finback.data.formats.audacity import labels
from finback.data.formats.names import recording_called
from finback.data.problems import Problem
from finback.data.sources.base import Labelled, LabelRow, species_name, unnamed_species


def read_labels(path: Path, many: bool) -> Labelled:
    """The labels of a file; `many`: it is one of several. Raises `InputError` when the file is no text."""
    rows: list[LabelRow] = []
    problems: list[Problem] = []
    file, table = recording_called(path.name), path.name if many else ""
    for label in labels(path):
        row = LabelRow(
            file=file,
            species=species_name(label.text),
            row=label.line,
            table=table,
            start_s=label.start_s,
            end_s=label.end_s,
            cut=True,
        )
        if label.fault is not None:
            problems.append(row.problem(label.fault.kind, label.fault.message, label.fault.repair))
        elif label.start_s == label.end_s:
            message = f"the label at {label.start_s} s is a point without length"
            problems.append(row.problem("bad_span", message, "drag the label over the sound"))
        elif unnamed_species(label.text):
            message, repair = "the label has no text", "write the species as the text of the label"
            problems.append(row.problem("empty_label", message, repair))
        else:
            rows.append(row)
    return Labelled(tuple(rows), tuple(problems))
