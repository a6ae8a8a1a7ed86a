"""Numbers as people and programs write them: understood exactly, or refused.

| written | read as |
|---|---|
| `12.5`, ` 12.5 `, `'12.5`, full-width digits, a typographic minus | 12.5 |
| `12,5`, `12,500` | 12.5: a comma is a decimal point, unless the column shows that it separates thousands |
| `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5` | 1234.5: the last of two different signs is the decimal point |
| `1:02:03.5`, `2:03.5` | hours, minutes and seconds: 3723.5, 123.5 |
| `1.0`, `1,0`, `1e0` as a whole number | 1 |

Refused: words, dates, truth values, NaN, infinity, `0:30` (minutes and seconds, or hours and minutes as a
spreadsheet makes of them), and any number of a size that no time or channel has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Comma = Literal["decimal", "thousands", "unclear"]

# What spreadsheets and other programs write into an empty cell.
EMPTY = frozenset(("", "nan", "na", "n/a", "null", "?", "-"))
LARGEST = 1e12  # seconds or samples: 30,000 years, or 3 days at 4 GHz
_MINUS = str.maketrans("\u2212\u2013\u2012\ufe63\uff0d", "-----")  # U+2212 and dashes that replace it
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?", re.ASCII)
_SIMPLE = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,4}):([0-5]?\d):([0-5]?\d(?:\.\d*)?)|(\d{1,4}):([0-5]?\d\.\d+))", re.ASCII)
_GROUPS = {  # thousands separator -> a number that is written with it
    " ": re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?", re.ASCII),
    "'": re.compile(r"[+-]?\d{1,3}(?:['\u2019]\d{3})+(?:[.,]\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:,\d{3}){2,}", re.ASCII),
    ".": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}", re.ASCII),
}
_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d{1,3})?", re.ASCII)
_COULD_BE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def number(text: str, comma: Comma = "decimal") -> float | None:
    """The number in a cell, None for an empty cell; `comma` says what a lone comma is (see `comma_of`).

    Raises `ValueError` with a reason for anything that is not exactly one finite number.
    """
    if not text:
        return None
    if len(text) <= 25 and _SIMPLE.fullmatch(text):  # nearly all numbers
        return float(text) if abs(float(text)) <= LARGEST else _too_large(text)
    plain = _normal(text)
    if plain in EMPTY:
        return None
    clock = _CLOCK.fullmatch(plain)
    if clock is not None:
        hours, minutes, seconds_, only_minutes, rest = clock.groups()
        if only_minutes is not None:
            return 60.0 * int(only_minutes) + float(rest)
        return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds_)
    value = _value(plain, comma)
    if value is None:
        raise ValueError(f"'{_shown(text)}' {_why(plain, comma)}")
    return value if abs(value) <= LARGEST else _too_large(text)


def _too_large(text: str) -> float:
    raise ValueError(f"'{_shown(text)}' is too large")


def whole(text: str) -> int | None:
    """The whole number in a cell (`1`, `1.0`, `1,0`), None for an empty cell.

    Raises `ValueError` for anything else, also for a time of day.
    """
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    if _normal(text) in EMPTY:
        return None
    try:
        value = None if ":" in text else number(text)
    except ValueError:
        value = None
    if value is None or value != int(value):
        raise ValueError(f"'{_shown(text)}' is not a whole number")
    return int(value)


def comma_of(cells: Iterable[str]) -> Comma:
    """What a lone comma is in the numbers of a column: `12,500` is 12500 beside `1,234.5`, and 12.5 alone.

    Beside `999.5` it is unclear.
    """
    decimal = thousands = could_be = point = False
    for text in cells:
        if "," not in text:
            point = point or "." in text
            continue
        plain = _normal(text)
        thousands = thousands or _GROUPS[","].fullmatch(plain) is not None
        could = _COULD_BE_THOUSANDS.fullmatch(plain) is not None
        could_be = could_be or could
        decimal = decimal or (not could and _COMMA.fullmatch(plain) is not None)
    if decimal != thousands:
        return "decimal" if decimal else "thousands"
    return "unclear" if decimal or (could_be and point) else "decimal"


def _normal(text: str) -> str:
    """Compatible forms (full-width digits), plain spaces and minus signs, lower case."""
    if text.isascii():
        return text.strip().lstrip("'").strip().casefold()
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS)
    return " ".join(plain.split()).lstrip("'\u2019").strip().casefold()


def _value(plain: str, comma: Comma) -> float | None:
    if len(plain) > 40:
        return None
    if comma != "decimal" and _COULD_BE_THOUSANDS.fullmatch(plain):
        if comma == "unclear":
            return None
        plain = plain.replace(",", "")
    elif _COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    else:
        for sign, pattern in _GROUPS.items():
            if pattern.fullmatch(plain):
                plain = re.sub("['\u2019]" if sign == "'" else re.escape(sign), "", plain).replace(",", ".")
                break
    return float(plain) if _PLAIN.fullmatch(plain) else None


def _why(plain: str, comma: Comma) -> str:
    if re.fullmatch(r"\d+:\d+", plain):
        return "is not a number: it could be minutes and seconds, or hours and minutes"
    if comma == "unclear" and _COULD_BE_THOUSANDS.fullmatch(plain):
        return "is not clear: the comma could be a decimal point or separate thousands"
    return "is not a number"


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
