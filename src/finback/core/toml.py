"""TOML text from outside, parsed within bounds.

    values = parsed_toml(path.read_bytes())

A settings file has some hundred lines and two or three levels. Python's parser accepts more: a key of 30,000
parts takes it 16 seconds, and 1,000 brackets end its stack. Text beyond what settings need is refused.
"""

from __future__ import annotations

import tomllib
from typing import Any

LARGEST = 1 << 18  # bytes
MOST_DOTS = 100  # on a line: the time for a dotted key grows with the square of its parts
DEEPEST = 8  # levels of tables and arrays


def parsed_toml(data: bytes | str, largest: int = LARGEST, most_dots: int = MOST_DOTS) -> dict[str, Any]:
    """The values of TOML text of at most `largest` bytes, with at most `most_dots` dots on each line.

    Raises `ValueError` that says what is wrong, with the line where known.
    """
    if len(data) > largest:
        raise ValueError(f"it has {len(data):,} bytes, and at most {largest:,} are read")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1  # type: ignore[arg-type]  # bytes, as they were decoded
        raise ValueError(f"it is not UTF-8 text (line {line}); save it as UTF-8") from None
    for number, line_text in enumerate(text.splitlines(), 1):
        if line_text.count(".") > most_dots and not line_text.lstrip().startswith("#"):
            raise ValueError(f"line {number} has more than {most_dots:,} dots")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:  # a number with thousands of digits
        raise ValueError(str(error).partition(";")[0]) from None
    _check_depth(values)
    return values


def _check_depth(values: Any) -> None:
    rest = [values]
    for _ in range(DEEPEST):
        inner = [list(one.values()) if isinstance(one, dict) else one for one in rest]
        rest = [x for one in inner for x in one if isinstance(x, dict | list)]
    if rest:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
