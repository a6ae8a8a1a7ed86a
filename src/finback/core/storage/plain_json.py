"""JSON from outside, parsed within bounds.

    value = parsed(path.read_bytes())

JSON in a file of finback is UTF-8 text of plain values: finite numbers of 64 bits, text that can be written
again, lists and objects of a few levels. Python's parser accepts more: NaN, 1e999, numbers of a million
digits, half characters, and nesting until the stack ends. Each of these would fail later, far from the file.
"""

from __future__ import annotations

import json
import math
from typing import Any

LARGEST_FILE = 1 << 28  # bytes; the largest files of finback (problems of a million clips) are below 200 MB
DEEPEST = 40  # levels of lists and objects; the deepest file of finback has 9
LARGEST_INTEGER = 1 << 63


def parsed(data: bytes) -> Any:
    """The value of JSON text. Raises `ValueError` that says what is wrong with the text."""
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{len(data):,} bytes; the largest that is read is {LARGEST_FILE:,}")
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_refused)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text at byte {error.start}") from None
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from None
    except ValueError as error:  # a number with thousands of digits; or NaN, from `_refused`
        raise ValueError(str(error).partition(";")[0]) from None
    _check(value)
    return value


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _check(value: Any) -> None:
    """Raises `ValueError` for a number out of range, text that cannot be written, or deep nesting."""
    level, rest = 0, [value]
    while rest:
        level += 1
        if level > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")
        inner: list[Any] = []
        for one in rest:
            if isinstance(one, dict):
                inner += one.keys()
                inner += one.values()
            elif isinstance(one, list):
                inner += one
            else:
                _check_leaf(one)
        rest = inner


def _check_leaf(value: Any) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is larger than any computer number")
    elif isinstance(value, int):
        if not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            raise ValueError("an integer has more than 64 bits")
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{value[:40]!r} holds half a character") from None
