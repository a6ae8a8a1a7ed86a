"""The tables in the folder of fetched recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.errors import InputError, ManifestError
from finback.data.tables import read_table
from finback.datasets.fetch import tables
from finback.datasets.fetch.listing import Offer
from finback.datasets.fetch.source import load

SOURCE = load("watkins")
OFFERS = [
    Offer("https://e.org/a", "a.wav", ("Beluga, White Whale",), "72015"),
    Offer("https://e.org/b", "b.wav", ("Walrus", "Killer Whale"), "61025"),
    Offer("https://e.org/c", "c.wav"),
]


def cells(path: Path) -> list[tuple[str, ...]]:
    return [row.cells for row in read_table(path).rows]


def test_labels_have_a_row_a_species(tmp_path: Path) -> None:
    assert tables.write_labels(tmp_path, OFFERS, SOURCE) == 3
    assert cells(tmp_path / "labels.csv") == [
        ("a.wav", "Beluga, White Whale", "72015", SOURCE.licence),
        ("b.wav", "Walrus", "61025", SOURCE.licence),
        ("b.wav", "Killer Whale", "61025", SOURCE.licence),
    ]


def test_rows_that_somebody_put_right_stay(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("Species;File;note\nBowhead Whale;a.wav;I heard it\n")
    assert tables.write_labels(tmp_path, OFFERS, SOURCE) == 3
    assert cells(path) == [
        ("Bowhead Whale", "a.wav", "I heard it"),
        ("Walrus", "b.wav", ""),
        ("Killer Whale", "b.wav", ""),
    ]
    before = path.read_bytes()
    tables.write_labels(tmp_path, OFFERS, SOURCE)
    assert path.read_bytes() == before


def test_a_table_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("name,kind\na,b\n")
    with pytest.raises(ManifestError, match="no column 'file'"):
        tables.write_labels(tmp_path, OFFERS, SOURCE)


def test_where_files_came_from_makes_the_round_trip(tmp_path: Path) -> None:
    rows = {
        "b, c.wav": tables.Fetched('https://e.org/"b"', 5, "ab" * 32, "2026-01-02T03:04:05Z", "CC BY, 4.0"),
        "a.wav": tables.Fetched("https://e.org/a", 0, "00", "2026-01-02T03:04:05Z", "x"),
    }
    assert tables.read_fetched(tmp_path) == {}
    tables.write_fetched(tmp_path, rows)
    assert tables.read_fetched(tmp_path) == rows
    (tmp_path / "fetched.csv").write_text("file,url,bytes,sha256,date,licence\na,b,many,d,e,f\n")
    with pytest.raises(InputError, match="row 2"):
        tables.read_fetched(tmp_path)


def test_terms_are_accepted_once_until_they_change(tmp_path: Path) -> None:
    assert not tables.accepted(tmp_path, SOURCE)
    tables.accept(tmp_path, SOURCE)
    assert tables.accepted(tmp_path, SOURCE)
    assert "Woods Hole" in tables.licence_path(tmp_path, SOURCE).read_text()
    assert not tables.accepted(tmp_path, SOURCE.model_copy(update={"terms": "Pay."}))
    assert not tables.accepted(tmp_path, load("watkins-archive"))
