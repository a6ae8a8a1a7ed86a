"""What lies beside the recordings.

| file | content |
|---|---|
| `labels.csv` | `file,species,group,licence`, as `finback index` reads it; rows that are there stay |
| `fetched.csv` | `file,url,bytes,sha256,date,licence`: where each file came from and what it was |
| `licence-NAME.txt` | the terms as they were accepted, and when |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import InputError
from finback.core.files import write_atomic
from finback.data.tables import read_table
from finback.datasets.fetch.download import Got, now
from finback.datasets.fetch.listing import Offer
from finback.datasets.fetch.source import Source

LABELS, FETCHED = "labels.csv", "fetched.csv"
LABEL_COLUMNS = ("file", "species", "group", "licence")
FETCHED_COLUMNS = ("file", "url", "bytes", "sha256", "date", "licence")


def terms(source: Source) -> str:
    """What is shown before anything is fetched, and kept with the recordings."""
    lines = [source.title, source.homepage, "", f"Licence: {source.licence}", "", source.terms.strip()]
    if source.terms_url:
        lines += ["", f"Terms: {source.terms_url}"]
    if source.citation:
        lines += ["", f"Cite: {source.citation}"]
    return "\n".join(lines) + "\n"


def licence_path(folder: Path, source: Source) -> Path:
    return folder / f"licence-{source.name}.txt"


def accepted(folder: Path, source: Source) -> bool:
    """Whether these very terms were accepted for this folder before."""
    path = licence_path(folder, source)
    return path.is_file() and path.read_text(encoding="utf-8").startswith(terms(source))


def accept(folder: Path, source: Source) -> None:
    """Keep the terms with the data."""
    write_atomic(licence_path(folder, source), f"{terms(source)}\nAccepted: {now()}\n")


@dataclass(frozen=True)
class Fetched:
    """A row of fetched.csv."""

    url: str
    bytes: int
    sha256: str
    date: str
    licence: str

    @classmethod
    def of(cls, got: Got, source: Source) -> Fetched:
        return cls(got.url, got.bytes, got.sha256, got.date, source.licence)


def read_fetched(folder: Path) -> dict[str, Fetched]:
    """Rows by file; none when there is no table. Raises `InputError` when it is not what finback wrote."""
    path = folder / FETCHED
    if not path.is_file():
        return {}
    table = read_table(path, "table of fetched files")
    at = [table.column(name, name) for name in FETCHED_COLUMNS]
    rows = {}
    for row in table.rows:
        file, url, size, *rest = (row.cells[i] for i in at)
        if not size.isdecimal():
            raise InputError(f"{path}: row {row.number}: bytes '{size}' is no number", f"delete {path}")
        rows[file] = Fetched(url, int(size), *rest)
    return rows


def write_fetched(folder: Path, rows: Mapping[str, Fetched]) -> None:
    cells = [(file, r.url, r.bytes, r.sha256, r.date, r.licence) for file, r in sorted(rows.items())]
    write_atomic(folder / FETCHED, _csv((FETCHED_COLUMNS, *cells)))


def write_labels(folder: Path, offers: Iterable[Offer], source: Source) -> int:
    """Add rows for files that have none, a row a species; returns how many rows there are.

    Rows that are there stay as they are, since somebody may have put them right. Raises `InputError` when the
    table has no columns file and species.
    """
    path = folder / LABELS
    header: Sequence[str] = LABEL_COLUMNS
    rows: list[Sequence[str]] = []
    known: set[str] = set()
    if path.is_file():
        table = read_table(path)
        header = table.header
        at = table.column("file", "another name for that table")
        table.column("species", "another name for that table")
        rows = [row.cells for row in table.rows]
        known = {row.cells[at] for row in table.rows}
    added = [_row(o, species, source, header) for o in offers if o.file not in known for species in o.species]
    if added or not path.is_file():
        write_atomic(path, _csv((header, *rows, *added)))
    return len(rows) + len(added)


def _row(offer: Offer, species: str, source: Source, header: Sequence[str]) -> list[str]:
    values = {"file": offer.file, "species": species, "group": offer.group, "licence": source.licence}
    return [values.get(name.strip().casefold(), "") for name in header]


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
