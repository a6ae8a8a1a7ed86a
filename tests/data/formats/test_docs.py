"""docs/reference/formats.md says what the registry says."""

from __future__ import annotations

from pathlib import Path

from finback.data.formats import FORMATS
from finback.data.formats.base import FIELD_WORDS
from finback.data.formats.fields import COLUMNS
from finback.data.formats.raven import COLUMNS as RAVEN_COLUMNS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "formats.md"


def test_the_table_of_formats_is_that_of_the_registry() -> None:
    lines = [
        [c.strip() for c in line.split("|")[1:-1]] for line in PAGE.read_text(encoding="utf-8").splitlines()
    ]
    header, _, *rows = lines[next(i for i, cells in enumerate(lines) if cells[:2] == ["format", "what"]) :]
    assert header[2:-1] == list(FIELD_WORDS)
    for cells, (name, info) in zip(rows, FORMATS.items(), strict=False):
        assert cells[0] == (f"`{name}`" if info.writes else f"`{name}` (only read)")
        assert cells[1] == info.what
        assert {f for f, cell in zip(header[2:-1], cells[2:-1], strict=True) if cell == "yes"} == info.holds
        assert cells[-1] == (f"`{info.suffix}`" if info.writes else "")


def test_all_columns_are_named() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert not [column for column in (*COLUMNS, *RAVEN_COLUMNS) if f"`{column}`" not in text]


def test_every_entry_is_its_own_key_and_names_a_module() -> None:
    for name, info in FORMATS.items():
        assert info.name == name
        assert info.module.startswith("finback.data.formats.")
