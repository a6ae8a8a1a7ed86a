"""Values of events as text that is read back equal: times, numbers, moments.

A time is written with the digits that give the same number again, so the sample that it means survives. Sums
and differences of times (`File Offset (s)`, `DURATION`) are made with decimals, which are exact; sums of
binary fractions are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from math import isfinite
from pathlib import Path

from finback.audio.statements import iso
from finback.core.errors import ManifestError
from finback.core.storage.csv_files import parse_csv, whole_number
from finback.core.types import Event
from finback.data.numbers import Comma, number
from finback.data.table_text import MOST_BYTES

MOST_DIGITS = 1100  # the smallest number of 64 bits has 1,074 digits behind the point
_SIMPLE = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,40})?", re.ASCII)


def decimal(value: float) -> Decimal:
    """The number as its shortest text says it."""
    return Decimal(repr(float(value)))


def exact(text: str, comma: Comma = "decimal") -> Decimal | None:
    """The number in a cell with all its digits, None for an empty cell.

    Raises `ValueError` with a reason, as `data.numbers.number` does.
    """
    value = number(text, comma)
    if value is None:
        return None
    return Decimal(text) if _SIMPLE.fullmatch(text) else decimal(value)


def total(first: Decimal, *others: Decimal) -> Decimal:
    """The sum with all its digits."""
    context = Context(prec=MOST_DIGITS)
    for other in others:
        first = context.add(first, other)
    return first


def plain(value: float | Decimal | None) -> str:
    """The number without an exponent, which some programs do not read; "" for None."""
    if value is None:
        return ""
    if not isinstance(value, Decimal):
        text = repr(float(value))
        if "e" not in text:
            return text
        value = Decimal(text)
    text = format(value, "f")
    return re.sub(r"(\.\d+?)0+$", r"\1", text)


def utc_text(when: datetime | None) -> str:
    """`2024-01-31T12:00:00.5Z`: the moment in UTC; "" for None. A time without a zone is UTC."""
    if when is None:
        return ""
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when.isoformat().removesuffix("+00:00") + "Z"


def moment(text: str) -> datetime | None:
    """The moment in UTC that a cell states, None for an empty cell; without a zone it is UTC.

    Raises `ValueError` with a reason.
    """
    if not text:
        return None
    when = iso(text)
    if when is None:
        raise ValueError(f"'{text[:40]}' is not a date with a time, as 2024-01-31T12:00:00Z")
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def optional(text: str) -> float | None:
    """The number in a cell that finback wrote, None for an empty cell. Raises `ValueError`."""
    value = float(text) if text else None
    if value is not None and not isfinite(value):
        raise ValueError(f"'{text}' is not finite")
    return value


def channel_of(text: str, first: int) -> int | None:
    """The channel from 0 in a cell that finback wrote, which counts from `first`. Raises `ValueError`."""
    channel = whole_number(text) - first if text else None
    if channel is not None and channel < 0:
        raise ValueError(f"channel {text} does not exist: this table counts from {first}")
    return channel


def own_events(
    path: Path,
    delimiter: str,
    columns: Collection[str],
    event_of: Callable[[Mapping[str, str]], Event],
) -> tuple[Event, ...] | None:
    """The events of a table as finback wrote it, with every space kept; None for any other table.

    A table that a spreadsheet or another program saved again has other columns, line ends or numbers; the
    readers of any table read it.
    """
    try:
        with open(path, "rb") as file:
            header, rows = parse_csv(file.read(MOST_BYTES).decode("utf-8"), delimiter)
        if not set(columns) <= set(header):
            return None
        return tuple(map(event_of, rows))
    except (OSError, ValueError, ArithmeticError, KeyError, ManifestError):
        return None
