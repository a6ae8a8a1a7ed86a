"""What a user says about start times: a pattern for times in file names, and a zone for times without one.

    options = time_options("%y%m%d_%H%M%S", "America/New_York")
    options.named("CAT_230504_195202.wav")     # 2023-05-04 19:52:02, without a zone
    options.in_zone(datetime(2023, 5, 4, 19, 52, 2))

A pattern is written as for `datetime.strptime`, and may stand anywhere in the name. A zone is a name of the
IANA data base (daylight saving time follows from the date), UTC, or an offset such as UTC-5 or +05:30.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from finback.audio.statements import FIRST_YEAR, LAST_YEAR, zone_offset
from finback.core.errors import InputError

# The fields of a pattern, as regular expressions; none that depends on the computer (%c, %x, %Z).
FIELDS = {
    **{"Y": r"\d{4}", "y": r"\d\d", "m": r"\d\d", "d": r"\d\d", "j": r"\d{3}", "b": r"[A-Za-z]{3}"},
    **{"B": r"[A-Za-z]{3,9}", "H": r"\d\d", "I": r"\d\d", "M": r"\d\d", "S": r"\d\d", "f": r"\d{1,6}"},
    **{"p": r"[AaPp][Mm]", "z": r"(?:Z|[+-]\d\d:?\d\d)", "%": "%"},
}
NEEDED = {
    "a year (%Y or %y)": (("Y",), ("y",)),
    "a day (%m and %d, %b and %d, or %j)": (("m", "d"), ("b", "d"), ("B", "d"), ("j",)),
    "an hour (%H, or %I and %p)": (("H",), ("I", "p")),
    "minutes (%M)": (("M",),),
}
PATTERN_EXAMPLE = "write for example '%Y%m%d_%H%M%S'"
ZONE_EXAMPLE = "give a name such as America/New_York, or UTC, UTC-5, UTC+5:30"
MOST_CHARACTERS = 300
_HERE = frozenset(("localtime", "posixrules", "Factory"))  # they depend on the computer


@dataclass(frozen=True, slots=True)
class TimeOptions:
    """`pattern` and `zone` as the user wrote them; "" means not given. Made by `time_options`."""

    pattern: str = ""
    zone: str = ""

    def named(self, name: str) -> datetime | None:
        """The time that the pattern finds in a file name; None when it finds none, or two different ones."""
        found = set()
        for match in _compiled(self.pattern).finditer(name[:MOST_CHARACTERS]):
            text = match[1]
            try:
                when = datetime.strptime(text, self.pattern)
            except ValueError:  # no such day or hour
                continue
            if FIRST_YEAR <= when.year <= LAST_YEAR:
                found.add(when)
        return found.pop() if len(found) == 1 else None

    def in_zone(self, local: datetime) -> list[datetime]:
        """The moments (UTC) at which clocks in the zone show this time: one; none in the hour that is left
        out when summer time begins; two in the hour that is repeated when it ends."""
        zone = zone_of(self.zone)
        moments = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        naive = local.replace(tzinfo=None, fold=0)
        return sorted(m for m in moments if m.astimezone(zone).replace(tzinfo=None, fold=0) == naive)


NAMES = TimeOptions()  # neither is given


def time_options(pattern: str | None = None, zone: str | None = None) -> TimeOptions:
    """Check both, and keep them. Raises `InputError` for a pattern that gives no time, or an unknown zone."""
    if pattern is not None:
        _check_pattern(pattern)
    if zone is not None:
        zone_of(zone)
    return TimeOptions(pattern or "", zone or "")


@lru_cache(maxsize=64)
def zone_of(text: str) -> tzinfo:
    """The zone of that name or offset. Raises `InputError` when there is none."""
    name = text.strip()
    offset = zone_offset(re.sub(r"^(?:UTC|GMT)(?=[+-])", "", name, flags=re.IGNORECASE))
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if offset is not None:
        return timezone(offset)
    try:
        if name in _HERE or not name:
            raise ValueError
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError: its error for an unknown name
        known = available_timezones() - _HERE
        near = {zone.lower(): zone for zone in known}
        close = difflib.get_close_matches(name.lower(), near, n=1, cutoff=0.7)
        hint = f"did you mean {near[close[0]]}?" if close else ZONE_EXAMPLE
        raise InputError(f"--time-zone {text[:60]}: no such time zone", hint) from None


def _check_pattern(pattern: str) -> None:
    if len(pattern) > MOST_CHARACTERS:
        raise InputError("--time-pattern: longer than 300 characters", PATTERN_EXAMPLE)
    fields = re.findall(r"%(.?)", pattern.replace("%%", ""))
    unknown = [f for f in fields if f not in FIELDS]
    if unknown:
        known = " ".join(f"%{f}" for f in FIELDS)
        raise InputError(f"--time-pattern {pattern}: no field %{unknown[0]}", f"the fields are {known}")
    twice = [f for f in fields if fields.count(f) > 1]
    if twice:
        raise InputError(f"--time-pattern {pattern}: has %{twice[0]} twice", "write each field once")
    for what, choices in NEEDED.items():
        if not any(set(choice) <= set(fields) for choice in choices):
            raise InputError(f"--time-pattern {pattern}: without {what}", PATTERN_EXAMPLE)
    try:
        datetime.strptime(datetime(2023, 5, 4, 9, 8, 7, tzinfo=UTC).strftime(pattern), pattern)
    except ValueError as error:
        raise InputError(f"--time-pattern {pattern}: {error}", PATTERN_EXAMPLE) from None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression; matches may overlap, and never begin or end inside a number."""
    parts = re.split(r"(%.)", pattern)
    body = "".join(FIELDS[p[1]] if len(p) == 2 and p[0] == "%" else re.escape(p) for p in parts)
    before = r"(?<!\d)" if parts[0] == "" else ""
    after = r"(?!\d)" if parts[-1] == "" else ""
    return re.compile(rf"{before}(?=({body}){after})")
