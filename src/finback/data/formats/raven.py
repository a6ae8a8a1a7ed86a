"""Selection tables of Raven: tab-separated text, one row for each selection.

**Times.** In a table of several recordings Raven counts `Begin Time (s)` from the start of the first one.
This is written if the lengths of all recordings are given; else it counts within each recording.
`File Offset (s)` is always the time within the recording.

**What Raven needs and an event may not state.** A selection of Raven has a channel and a band. An event on
the mean of all channels is written on channel 1, and an event without a band from 0 Hz to half the sample
rate. If the rate is unknown, the two cells are empty; if they are empty everywhere, the two columns are left
out. The column `Not Stated` then names these columns, so that nothing is made up when the table is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from finback.core.errors import ManifestError
from finback.core.storage.csv_files import write_csv
from finback.core.types import Event
from finback.data.formats.base import Annotations, Sound
from finback.data.formats.collected import Collected, placed
from finback.data.formats.names import folder_and_name, recording_called
from finback.data.formats.raven_selections import (
    BEGIN,
    DELTA,
    END,
    NOT_STATED,
    OFFSET,
    is_raven,
    label_position,
    selections,
    sequence_note,
)
from finback.data.formats.values import (
    channel_of,
    decimal,
    moment,
    optional,
    own_events,
    plain,
    total,
    utc_text,
)
from finback.data.tables import Table, read_table

NAME = "raven"
VIEW = "Spectrogram 1"
COLUMNS = (
    *("Selection", "View", "Channel", BEGIN, END, "Low Freq (Hz)", "High Freq (Hz)"),
    *("Begin File", "Begin Path", OFFSET, DELTA, "Species", "Score", "Mean Score", "SNR (dB)"),
    *("Begin Date Time UTC", "End Date Time UTC", NOT_STATED),
)
BAND = ("Low Freq (Hz)", "High Freq (Hz)")  # left out where no cell has a value
NEEDED = {"channel": "Channel", "low_hz": "Low Freq (Hz)", "high_hz": "High Freq (Hz)"}


def read(path: Path, label_column: str | None = None) -> Annotations:
    """The selections of a table, each once; without an annotation the label is "".

    Raises `ManifestError` when the table has no times of Raven or no column `label_column`.
    """
    events = own_events(path, "\t", set(COLUMNS) - set(BAND), _event_of)
    if events is not None and label_column in (None, "Species"):
        return Annotations(events, NAME)
    return selected(read_table(path, "selection table"), label_column)


def selected(table: Table, label_column: str | None = None) -> Annotations:
    """The selections of a table that any program wrote."""
    if not is_raven(table):
        for column in (BEGIN, END):
            table.column(column, "Raven's column chooser,")
    label = label_position(table, label_column or "species")
    if label is None and label_column is not None:
        raise ManifestError(
            f"{table.path}: no column '{label_column}' (it has: {table.columns})", "name another column"
        )
    collected = Collected(table)
    if label is None:
        collected.note_no_label()
    files: set[str] = set()
    for selection in selections(table, label, "file"):
        file = selection.names[0] if selection.names else recording_called(table.path.name)
        files.add(file)
        span = selection.fault or placed(file, selection.start_s, selection.end_s, selection.row.get(label))
        if isinstance(span, Event):
            span = replace(span, channel=selection.channel)
        collected.add(selection.row, file, span)
    notes = tuple(sequence_note(table, files))
    return collected.annotations(NAME, notes)


def write(path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
    """Write a selection for each event; `sounds` are all recordings, in the order in which Raven has them."""
    known = {str(sound.path) for sound in sounds}
    band = any(e.file in known or e.low_hz is not None or e.high_hz is not None for e in events)
    kept = [i for i, name in enumerate(COLUMNS) if band or not events or name not in BAND]
    rows = ([row[i] for i in kept] for row in _rows(events, sounds))
    write_csv(path, [COLUMNS[i] for i in kept], rows, delimiter="\t")


def _rows(events: Sequence[Event], sounds: Sequence[Sound]) -> Iterable[tuple[str, ...]]:
    before = _seconds_before(events, sounds)
    rates = {str(sound.path): sound.sample_rate for sound in sounds}
    for number, event in enumerate(events, start=1):
        start, stop = decimal(event.start_s), decimal(event.stop_s)
        first = before.get(event.file, Decimal(0))
        rate = rates.get(event.file)
        high = event.high_hz if event.high_hz is not None or rate is None else rate / 2
        low = event.low_hz if event.low_hz is not None or rate is None else 0.0
        yield (
            str(number),
            VIEW,
            str(1 if event.channel is None else event.channel + 1),
            plain(total(first, start)),
            plain(total(first, stop)),
            plain(low),
            plain(high),
            folder_and_name(event.file.replace("\\", "/"))[1],
            event.file,
            plain(start),
            plain(total(stop, -start)),
            event.label,
            plain(event.score),
            plain(event.mean_score),
            plain(event.snr_db),
            utc_text(event.start_time),
            utc_text(event.stop_time),
            "; ".join(column for field, column in NEEDED.items() if getattr(event, field) is None),
        )


def _seconds_before(events: Sequence[Event], sounds: Sequence[Sound]) -> dict[str, Decimal]:
    """Seconds from the start of the sequence to each recording; empty where there is no sequence."""
    known = {str(sound.path) for sound in sounds}
    if not {event.file for event in events} <= known:
        return {}
    before: dict[str, Decimal] = {}
    seconds = Fraction(0)
    for sound in sounds:
        # Nine digits: half a sample at 1 MHz is 500 times more.
        before[str(sound.path)] = Decimal(round(seconds * 10**9)).scaleb(-9)
        seconds += Fraction(sound.n_samples, sound.sample_rate)
    return before


def _event_of(row: Mapping[str, str]) -> Event:
    """The event of a row that finback wrote. Raises `ValueError` for any other."""
    if row["View"] != VIEW:
        raise ValueError("another view: Raven saved this table")
    offset = Decimal(row[OFFSET])
    unstated = row[NOT_STATED].split("; ")
    cell = {field: "" if column in unstated else row.get(column, "") for field, column in NEEDED.items()}
    return Event(
        file=row["Begin Path"],
        start_s=float(offset),
        stop_s=float(total(offset, Decimal(row[END]), -Decimal(row[BEGIN]))),
        label=row["Species"],
        low_hz=optional(cell["low_hz"]),
        high_hz=optional(cell["high_hz"]),
        channel=channel_of(cell["channel"], first=1),
        score=optional(row["Score"]),
        mean_score=optional(row["Mean Score"]),
        snr_db=optional(row["SNR (dB)"]),
        start_time=moment(row["Begin Date Time UTC"]),
        stop_time=moment(row["End Date Time UTC"]),
    )
