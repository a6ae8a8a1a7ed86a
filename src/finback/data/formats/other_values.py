"""The columns of a table that an event may have beside its times: band, scores, SNR, UTC times.

Programs call them by many names. A value that cannot be read is not known, and a note names its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from finback.audio.statements import iso
from finback.core.types import Event
from finback.data.clock_times import ClockTime
from finback.data.columns import meaning
from finback.data.numbers import Comma, comma_of, number
from finback.data.tables import Row, Table

_LOW = (
    "low",
    "low freq",
    "low frequency",
    "lower frequency",
    "low f",
    "min freq",
    "min frequency",
    "minimum frequency",
)
_HIGH = ("high", "high freq", "high frequency", "upper frequency", "high f", "max freq", "max frequency")
# The names of the two frequencies; `Hz` or `kHz` behind them is understood.
LOW = (
    *_LOW,
    "minimum frequency",
    "fmin",
    "freq min",
    "frequency min",
    "freq low",
    "bottom freq",
    "start frequency",
)
HIGH = (
    *(*_HIGH, "maximum frequency", "fmax", "freq max", "frequency max", "freq high", "top freq"),
    "end frequency",
)
SCORE = ("score", "confidence", "probability", "confidence score", "detection confidence", "detection score")
MEAN_SCORE = ("mean score",)
SNR = ("snr", "snr dB", "SNR (dB)", "SNR NIST Quick (dB)")
FIELDS = (("low_hz", LOW), ("high_hz", HIGH), ("score", SCORE), ("mean_score", MEAN_SCORE), ("snr_db", SNR))
_UNITS = (("", 1.0), (" Hz", 1.0), (" (Hz)", 1.0), (" kHz", 1000.0), (" (kHz)", 1000.0))


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: its position, its name, what a comma is, and the factor of its unit."""

    position: int
    name: str
    comma: Comma
    factor: float = 1.0

    def of(self, row: Row) -> float | None:
        """The number of a row. Raises `ValueError` for a cell that holds none."""
        value = number(row.cells[self.position], self.comma)
        return None if value is None else value * self.factor


@dataclass(frozen=True, slots=True)
class OtherValues:
    """The columns of a table that hold such values, by field of `Event`."""

    numbers: tuple[tuple[str, Numbers], ...]
    clocks: tuple[ClockTime | None, ClockTime | None]
    not_stated: int | None  # a column of finback's tables for Raven

    @classmethod
    def of_table(cls, table: Table) -> OtherValues:
        """Find the columns by their names."""
        fields = (
            ("low_hz", LOW),
            ("high_hz", HIGH),
            ("score", SCORE),
            ("mean_score", MEAN_SCORE),
            ("snr_db", SNR),
        )
        found = ((field, _numbers(table, names, field.endswith("_hz"))) for field, names in fields)
        numbers = tuple((field, column) for field, column in found if column is not None)
        clocks = (_clock(table, "start"), _clock(table, "end"))
        return cls(numbers, clocks, table.find("Not Stated"))

    def added(self, event: Event, row: Row) -> tuple[Event, list[str]]:
        """The event with the values of its row, and the names of columns whose value cannot be read."""
        unread: list[str] = []
        values: dict[str, float | None] = {}
        for field, column in self.numbers:
            try:
                values[field] = column.of(row)
            except ValueError:
                unread.append(column.name)
        low, high = values.get("low_hz"), values.get("high_hz")
        for field in ("low_hz", "high_hz"):
            if (values.get(field) or 0.0) < 0 or (low is not None and high is not None and low > high):
                unread += [column.name for name, column in self.numbers if name == field]
                values[field] = None
        times = []
        for clock in self.clocks:
            try:
                times.append(None if clock is None else clock.of(row))
            except ValueError:
                times.append(None)
                unread.append("" if clock is None else clock.name)
        event = replace(event, start_time=times[0], stop_time=times[1], **values)  # type: ignore[arg-type]
        return _unstated(event, row.get(self.not_stated)), unread


def _unstated(event: Event, columns: str) -> Event:
    for field, column in (("low_hz", "Low Freq (Hz)"), ("high_hz", "High Freq (Hz)")):
        if column in columns:
            event = replace(event, **{field: None})  # type: ignore[arg-type]
    return event


def _clock(table: Table, role: str) -> ClockTime | None:
    """The first column of moments whose zone is stated, in its values or by UTC in its name."""
    for position, name in enumerate(table.header):
        found = meaning(name)
        if found.unit != "clock" or found.role != role:
            continue
        times = [iso(row.cells[position]) for row in table.rows if row.cells[position]]
        known = [when for when in times if when is not None]
        if known and ("utc" in name.casefold() or all(when.tzinfo is not None for when in known)):
            return ClockTime(position, name)
    return None


def _numbers(table: Table, names: Sequence[str], is_frequency: bool) -> Numbers | None:
    for name in names:
        for unit, factor in _UNITS if is_frequency else (("", 1.0),):
            position = table.find(name + unit)
            if position is not None and not (name in ("low", "high") and not unit):
                comma = comma_of(row.cells[position] for row in table.rows)
                return Numbers(position, table.header[position], comma, factor)
    return None
