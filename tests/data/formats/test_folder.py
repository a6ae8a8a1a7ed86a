"""A folder of tables: what stands in it twice is read once."""

from __future__ import annotations

from pathlib import Path

from finback.core.types import Event
from finback.data.formats.folder import without_lots
from finback.data.formats.write import write_events
from finback.data.sources.several import tables_in

EVENTS = [Event("a.wav", 1, 2, "Fin whale"), Event("b.wav", 1, 2, "Fin whale")]


def test_the_table_of_the_lot_is_not_read_beside_the_tables_of_its_recordings(tmp_path: Path) -> None:
    write_events("raven", tmp_path, EVENTS)
    tables, notes = without_lots(tables_in(tmp_path))
    assert [path.name for path in tables] == ["a.selections.txt", "b.selections.txt"]
    (note,) = notes
    assert (note.kind, note.file, note.is_note) == ("lot_table", "all.selections.txt", True)
    for path in tables:
        path.unlink()
    tables, notes = without_lots(tables_in(tmp_path))
    assert ([path.name for path in tables], notes) == (["all.selections.txt"], ())
