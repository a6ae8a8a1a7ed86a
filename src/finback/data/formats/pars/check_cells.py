"""Rules of PARS for one cell: it is there, no placeholder, of its kind, in its range, a known code."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from finback.data.formats.pars.columns import (
    CODES,
    IF_DETECTED,
    INTEGERS,
    LISTS,
    PLACEHOLDERS,
    RANGES,
    REQUIRED,
    is_time,
)
from finback.data.formats.pars.findings import EXAMPLE, Finding, ParsRow, moment_of, number_of
from finback.data.formats.pars.vocabulary import DETECTED, POSSIBLY


def check_cells(row: ParsRow, other_codes: Collection[str], unverified: set[str]) -> Iterator[Finding]:
    """The findings of a row, cell by cell; fills its times and numbers, and the unverified codes."""
    for column, text in row.values.items():
        if text.upper() in PLACEHOLDERS:
            yield row.finding(column, f"'{text}' stands for no value", "leave the cell empty")
        elif text:
            yield from _kind(row, column, text)
            yield from _code(row, column, text, other_codes, unverified)
    required = REQUIRED[row.file]
    if row.get("detection_result_code") in (DETECTED, POSSIBLY):
        required = (*required, *IF_DETECTED)
    for column in required:
        if (column in row.values or column in IF_DETECTED) and not row.get(column):
            yield row.finding(column, "is empty, and it is required", "fill it in")


def _kind(row: ParsRow, column: str, text: str) -> Iterator[Finding]:
    """A moment with its offset, a number in its range."""
    try:
        if is_time(column):
            row.times[column] = moment_of(text)
        elif column in RANGES:
            value = row.numbers[column] = number_of(text, column in INTEGERS)
            low, high = RANGES[column]
            if not low <= value <= high:
                yield row.finding(column, f"{text} is {_range(low, high)}", _repair(column, value, high))
    except ValueError as error:
        fallback = "write a whole number" if column in INTEGERS else "write a number such as 0.5"
        yield row.finding(column, str(error), EXAMPLE if is_time(column) else fallback)


def _range(low: float, high: float) -> str:
    return f"less than {low:g}" if high == float("inf") else f"not in {low:g} to {high:g}"


def _repair(column: str, value: float, high: float) -> str:
    if column.endswith("_khz") and value > high:
        return f"give it in kHz, not in Hz: {value / 1000:g}"
    return "correct the value"


def _code(
    row: ParsRow, column: str, text: str, other_codes: Collection[str], unverified: set[str]
) -> Iterator[Finding]:
    if column not in CODES:
        return
    for code in [part.strip() for part in text.split(",")] if column in LISTS else [text]:
        if code in CODES[column]:
            continue
        if code in other_codes:
            unverified.add(f"{column}: {code}")
            continue
        close = difflib.get_close_matches(code.upper(), CODES[column], n=3, cutoff=0.6)
        hint = f"did you mean {', '.join(close)}?" if close else "take a code of the PARS vocabulary"
        other = "" if code in ("", *close) else "; list a newer code in other_codes of deployment.toml"
        yield row.finding(column, f"'{code[:40]}' is no known code", hint + other)
