"""What a check of PARS files finds, and the values of their cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from finback.core.text import printable

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?P<fraction>\.\d+)?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
EXAMPLE = "write for example 2020-03-29T00:00:00-04:00, or Z for UTC"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to reject a submission. `row` 0: the whole file; `column` "": the whole row."""

    file: str
    row: int
    column: str
    problem: str
    repair: str

    def __str__(self) -> str:
        where = f", row {self.row}" if self.row else ""
        column = f", {self.column}" if self.column else ""
        return printable(f"{self.file}{where}{column}: {self.problem}; {self.repair}")


@dataclass(frozen=True, slots=True)
class ParsRow:
    """One row of a file: its values by column, without spaces around them."""

    file: str
    number: int
    values: dict[str, str]
    times: dict[str, datetime] = field(default_factory=dict)  # those that can be read
    numbers: dict[str, float] = field(default_factory=dict)

    def get(self, column: str) -> str:
        return self.values.get(column, "")

    def finding(self, column: str, problem: str, repair: str) -> Finding:
        return Finding(self.file, self.number, column, problem, repair)


def moment_of(text: str) -> datetime:
    """The moment that a cell states, in UTC. Raises `ValueError` with a reason."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"'{text[:40]}' is not a date with a time of day")
    if found["zone"] is None:
        raise ValueError(f"'{text[:40]}' has no offset from UTC")
    if found["fraction"]:
        raise ValueError(f"'{text[:40]}' has a fraction of a second")
    zone = "+00:00" if found["zone"] == "Z" else found["zone"]
    try:
        year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
        shown = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"
        return datetime.fromisoformat(shown).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text[:40]}' is no date and time that there is") from None


def number_of(text: str, whole: bool = False) -> float:
    """The number in a cell. Raises `ValueError` with a reason."""
    if whole and not _INTEGER.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a whole number")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a number")
    return float(text)
