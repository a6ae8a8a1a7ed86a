"""The rules by which a PARS submission is rejected, applied to a folder before it is sent.

    result = check_pars(folder)
    result.findings          # file, row, column, what is wrong, how to repair it
    result.unverified        # codes that the user listed and that are in no vocabulary that we know

Rows are lines of the file; the header is row 1. Rules for one cell are in `check_cells.py`, those that
compare cells and rows in `check_rows.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from finback.core.errors import InputError
from finback.core.text import from_cell
from finback.data.formats.pars.check_cells import check_cells
from finback.data.formats.pars.check_rows import check_deployments, check_rows, contradictions
from finback.data.formats.pars.columns import DETECTIONS, GPS, METADATA, REQUIRED
from finback.data.formats.pars.findings import Finding, ParsRow

LARGEST = 1 << 30  # bytes of a file


@dataclass
class Checked:
    """The result of a check."""

    findings: list[Finding] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)
    n_rows: dict[str, int] = field(default_factory=dict)


def check_pars(folder: Path, other_codes: Collection[str] = ()) -> Checked:
    """Check metadata.csv, detectiondata.csv and, if it is there, gpsdata.csv.

    `other_codes` are accepted, and named as unverified where they are used. Raises `InputError` when the
    folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder", "give the folder with metadata.csv and detectiondata.csv"
        )
    checked = Checked()
    tables: dict[str, list[ParsRow]] = {}
    unverified: set[str] = set()
    for name in (METADATA, DETECTIONS, GPS):
        path = folder / name
        if not path.exists():
            if name != GPS:
                checked.findings.append(Finding(name, 0, "", "the file is missing", f"add it to {folder}"))
            continue
        rows, findings = _read(path, name)
        for row in rows:
            findings += check_cells(row, other_codes, unverified)
        findings += check_rows(name, rows)
        tables[name] = rows
        checked.findings += findings
        checked.n_rows[name] = len(rows)
    checked.findings += contradictions(tables.get(DETECTIONS, []))
    if METADATA in tables:
        checked.findings += check_deployments(tables)
    checked.unverified = sorted(unverified)
    return checked


def _read(path: Path, name: str) -> tuple[list[ParsRow], list[Finding]]:
    """The rows of a file, and what is wrong with its form."""
    try:
        if path.stat().st_size > LARGEST:
            return [], [Finding(name, 0, "", "the file is larger than 1 GB", "split the submission")]
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"it is not UTF-8 text (byte {error.start})"
        return [], [Finding(name, 0, "", what, "save it as CSV UTF-8")]
    except OSError as error:
        return [], [Finding(name, 0, "", f"cannot be read ({error.strerror})", "check the file")]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[ParsRow] = []
    findings: list[Finding] = []
    header: list[str] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        twice = sorted({column for column in header if header.count(column) > 1})
        findings += [Finding(name, 1, c, "the column is there twice", "keep one of them") for c in twice]
        for missing in REQUIRED[name]:
            if missing not in header:
                what = "the required column is missing" + (
                    ": columns are separated by commas, not semicolons" if len(header) == 1 else ""
                )
                findings.append(Finding(name, 1, missing, what, "add the column"))
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                what = f"{len(cells)} values for {len(header)} columns"
                findings.append(Finding(name, line, "", what, "put text with commas between quotes"))
            elif cells:
                values = {column: from_cell(cell).strip() for column, cell in zip(header, cells, strict=True)}
                rows.append(ParsRow(name, line, values))
            line = reader.line_num + 1
    except csv.Error as error:
        findings.append(
            Finding(name, reader.line_num, "", f"damaged CSV ({error})", "export the table again")
        )
    if not rows and not findings and name == METADATA:
        findings.append(Finding(name, 0, "", "it has no rows", "write a row for each deployment"))
    return rows, findings
