"""`effort.csv` and `errors.csv` of a journal: how long was heard, and what could not be."""

from __future__ import annotations

from pathlib import Path

from finback.core.storage.csv_files import write_csv
from finback.core.text import printable
from finback.scan.journal import Journal
from finback.scan.spans import UNHEARD


def write_tables(journal: Journal, out: Path) -> None:
    """Write both. The same journal gives the same bytes. Raises `WriteError`."""
    rows = []
    for sound in journal.sounds():
        rate, unheard = sound.file.sample_rate, sound.faults & UNHEARD != 0
        cells = sound.cell_stop - sound.start
        channel = "mean" if sound.channel is None else sound.channel
        seconds = [round(float(cells[which].sum()) / rate, 3) for which in (~unheard, unheard)]
        rows.append([printable(sound.file.path), channel, *seconds])
    write_csv(out / "effort.csv", ("file", "channel", "heard_s", "unheard_s"), rows)
    problems = [
        [
            printable(p.file.path),
            p.start / (p.file.sample_rate or 1),
            p.stop / (p.file.sample_rate or 1),
            p.reason,
        ]
        for p in journal.errors()
    ]
    write_csv(out / "errors.csv", ("file", "start_s", "end_s", "reason"), problems)
