"""The tables in the folder of fetched recordings.

| file | content |
|---|---|
| `labels.csv` | `file,species,group,licence`, as `finback index` reads it; existing rows are kept |
| `fetched.csv` | `file,url,bytes,sha256,date,licence`: the address and checksum of each file |
| `failed.csv` | `file,why`: what could not be fetched, in the last run |
| `licence-NAME.txt` | the accepted terms, and the date |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import InputError
from finback.core.storage.csv_files import write_csv
from finback.core.storage.files import write_atomic
from finback.core.storage.paths import quoted
from finback.data.tables import read_table
from finback.datasets.fetch.download import FetchedFile, now
from finback.datasets.fetch.listing import Offer
from finback.datasets.fetch.source import Source

LABELS, FETCHED, FAILED = "labels.csv", "fetched.csv", "failed.csv"
FAILED_COLUMNS = ("file", "why")
LABEL_COLUMNS = ("file", "species", "group", "licence")
FETCHED_COLUMNS = ("file", "url", "bytes", "sha256", "date", "licence")


def terms(source: Source) -> str:
    """The text that is shown before the first request, and kept with the recordings."""
    lines = [source.title, source.homepage, "", f"Licence: {source.licence}", "", source.terms.strip()]
    if source.terms_url:
        lines += ["", f"Terms: {source.terms_url}"]
    if source.citation:
        lines += ["", f"Cite: {source.citation}"]
    return "\n".join(lines) + "\n"


def licence_path(folder: Path, source: Source) -> Path:
    """The file with the accepted terms of a source."""
    return folder / f"licence-{source.name}.txt"


def accepted(folder: Path, source: Source) -> bool:
    """Whether the same terms were accepted for this folder before."""
    path = licence_path(folder, source)
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(terms(source))


def accept(folder: Path, source: Source) -> None:
    """Write the accepted terms and the date to the folder."""
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
    def of(cls, got: FetchedFile, offer: Offer, source: Source) -> Fetched:
        """The row of a fetched file. The address is that of the list: a redirect can contain a password."""
        return cls(offer.url, got.bytes, got.sha256, got.date, source.licence)


def read_fetched(folder: Path) -> dict[str, Fetched]:
    """The rows by file; empty without a table. Raises `InputError` for a table that is not valid."""
    path = folder / FETCHED
    if not path.is_file():
        return {}
    table = read_table(path, "table of fetched files")
    at = [table.column(name, name) for name in FETCHED_COLUMNS]
    rows = {}
    for row in table.rows:
        file, url, size, *rest = (row.cells[i] for i in at)
        if not re.fullmatch("[0-9]{1,16}", size):
            raise InputError(
                f"{path}: row {row.number}: bytes {quoted(size)} is not a number",
                "correct the number, or give another --out",
            )
        rows[file] = Fetched(url, int(size), *rest)
    return rows


def write_fetched(folder: Path, rows: Mapping[str, Fetched]) -> None:
    """Write fetched.csv, sorted by file."""
    cells = [(file, r.url, r.bytes, r.sha256, r.date, r.licence) for file, r in sorted(rows.items())]
    write_csv(folder / FETCHED, FETCHED_COLUMNS, cells)


def write_failed(folder: Path, failed: Sequence[tuple[str, str]]) -> None:
    """Write failed.csv: the files that could not be fetched, and why. Without any, no new table is made."""
    if failed or (folder / FAILED).exists():
        write_csv(folder / FAILED, FAILED_COLUMNS, failed)


def write_labels(folder: Path, offers: Iterable[Offer], source: Source) -> int:
    """Add a row for each species of each new file; returns the number of rows.

    Existing rows are not changed, because a user may have corrected them. Raises `InputError` when the table
    has no columns file and species.
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
        write_csv(path, header, (*rows, *added))
    return len(rows) + len(added)


def _row(offer: Offer, species: str, source: Source, header: Sequence[str]) -> list[str]:
    values = {"file": offer.file, "species": species, "group": offer.group, "licence": source.licence}
    return [values.get(name.strip().casefold(), "") for name in header]
