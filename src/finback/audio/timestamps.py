"""The start of a recording, from the file name given by the recorder. Aware UTC, or None: never guessed.

| recorder                                | name                                    |
|-----------------------------------------|-----------------------------------------|
| AudioMoth                               | 20200623_000152.WAV, ID_20200623_...    |
| AudioMoth, firmware of 2017-2019        | 5E3F9A00.WAV (seconds since 1970, hex)  |
| SoundTrap                               | 5146.200623000152.wav                   |
| HARP                                    | SOCAL_26_H_090329_121500.x.wav          |
| Wildlife Acoustics                      | SITE_20200623_000152.wav, $ if GPS-set  |
| PAMGuard, Cornell/NOPP                  | PAM_20200623_000152_885.wav             |
| icListen                                | SBW1234_20200623_000152.wav             |
| AMAR, Ocean Networks Canada, ISO 8601   | 2020-06-23T00-01-52Z, 20200623T000152Z  |

A name without a zone is taken as UTC, the rule of passive acoustic monitoring and the default of these
recorders; a recorder that its user set to local time cannot be recognised by the name. A name that states a
zone is converted when the zone has one meaning: offsets (-0400, UTC+2) and the abbreviations in `ZONES`. EST
is UTC-5 all year (it is the standard time; summer time is EDT), as in Cornell's NOPP buoys. A zone with
several meanings (CST, IST, local ...) makes the time unknown. So do an impossible date, two zones that
disagree, and anything after the time that could mark an excerpt (..._000152_3.0s.wav begins later).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Hours east of UTC, for abbreviations in use for one zone only (those of North America as NOAA uses them).
# WEST is left out: it is more often a place than Western European Summer Time.
ZONES: dict[str, float] = {
    **{"Z": 0, "UTC": 0, "GMT": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3},
    **{"EDT": -4, "EST": -5, "PDT": -7, "PST": -8, "AKDT": -8, "AKST": -9, "HST": -10, "HAST": -10},
    **{"SAST": 2, "JST": 9, "KST": 9, "AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11},
    **{"NZST": 12, "NZDT": 13, "BRT": -3, "CLT": -4, "CLST": -3},
}
SEVERAL_MEANINGS = frozenset(
    {"ADT", "AST", "BST", "CDT", "CST", "ECT", "GST", "IST", "LOCAL", "LOCALTIME", "LST", "LT", "MDT", "MST"}
    | {"NDT", "NST", "PHT", "SGT", "SST", "WIB"}
)

_DATE8 = r"(?P<date>(?:19|20)\d{6})"
_FRACTION = r"(?:[_.,](?P<fraction>\d{6}|\d{3})(?!\d))?"
_ISO = (
    r"(?<!\d)(?P<date>(?:19|20)\d\d-\d\d-\d\d)[T_ ](?P<time>\d\d[-:._]?\d\d[-:._]?\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d[-:]?\d\d)?"
)
# One pattern per line; the rest of the name must be harmless (see _TAIL).
SHAPES: dict[str, re.Pattern[str]] = {
    "date_time": re.compile(
        rf"(?<!\d){_DATE8}[_T$-](?P<time>\d{{6}})(?!\d){_FRACTION}(?P<zone>Z|[+-]\d{{4}})?"
    ),
    "iso": re.compile(_ISO),
    "soundtrap": re.compile(r"^\d{3,10}\.(?P<date>\d{6})(?P<time>\d{6})(?!\d)"),
    "harp": re.compile(r"(?<!\d)(?P<date>\d{6})[_-](?P<time>\d{6})(?!\d)"),  # only for .x.wav
}
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")  # .wav, .x, .d24
_TAIL = re.compile(  # AudioMoth's T for triggered, then words, a channel, a zone
    r"T?(?:[ _.-]+(?:\(?[A-Za-z]{1,9}\)?|ch(?:an|annel)?[_-]?\d+"
    r"|\(?(?:UTC|GMT)[+-]\d{1,2}(?::?\d\d)?\)?))*[ _.-]*"
)
_EXCERPT = re.compile(
    r"(?<![A-Za-z])(?:clip|cut|part|seg|segment|sel|selection|excerpt|chunk)(?![A-Za-z])", re.I
)
_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,9}(?![A-Za-z0-9])")
_UTC_OFFSET = re.compile(r"(?:UTC|GMT)(?P<offset>[+-](?:0?\d|1[0-4])(?::?\d\d)?)(?!\d)", re.I)
# Firmware that named files so was in use from the first AudioMoths on; the format changed in 2020.
_HEX_SINCE = datetime(2017, 1, 1, tzinfo=UTC)
_HEX_UNTIL = datetime(2023, 1, 1, tzinfo=UTC)


def start_time(path: Path | str) -> datetime | None:
    """UTC start of a recording, from its file name alone; None when the name does not tell."""
    stem, suffixes = Path(path).name, []
    while match := _SUFFIX.search(stem):
        suffixes.append(match.group())
        stem = stem[: match.start()]
    if when := _audiomoth_hex(stem, suffixes):
        return when
    for name, shape in SHAPES.items():
        if name == "harp" and ".x" not in (s.lower() for s in suffixes):
            continue  # six digits, a bar, six digits: too common to be read as a time elsewhere
        if match := shape.search(stem):
            tail = stem[match.end() :]
            if not _TAIL.fullmatch(tail) or _EXCERPT.search(tail):
                return None
            return _utc(match, stem)
    return None


def _audiomoth_hex(stem: str, suffixes: list[str]) -> datetime | None:
    """Seconds since 1970 as eight upper-case hex digits.

    Watkins record ids (6102500A: year, tape, cut) look the same, but start with five decimal digits and are
    not called .WAV; a name that could be either is not read as a time.
    """
    if not re.fullmatch(r"[0-9A-F]{8}", stem) or (stem[:5].isdecimal() and suffixes != [".WAV"]):
        return None
    when = datetime.fromtimestamp(int(stem, 16), tz=UTC)
    return when if _HEX_SINCE <= when < _HEX_UNTIL else None


def _utc(match: re.Match[str], stem: str) -> datetime | None:
    part = match.groupdict()
    date, time = (re.sub(r"\D", "", part[key]) for key in ("date", "time"))
    try:
        local = datetime.strptime(date if len(date) == 8 else "20" + date, "%Y%m%d")
        local = local.replace(hour=int(time[:2]), minute=int(time[2:4]), second=int(time[4:]))
    except ValueError:
        return None  # no such day or hour
    microseconds = int((part.get("fraction") or "0")[:6].ljust(6, "0"))
    offset = _offset_hours(stem, part.get("zone"))
    if offset is None:
        return None
    return local.replace(microsecond=microseconds, tzinfo=UTC) - timedelta(hours=offset)


def _offset_hours(stem: str, zone: str | None) -> float | None:
    """Hours east of UTC that the name says; 0 when it says nothing; None when it is ambiguous."""
    offsets = set()
    if zone:
        offsets.add(0.0 if zone == "Z" else _hours(zone))
    for offset in _UTC_OFFSET.finditer(stem):
        offsets.add(_hours(offset["offset"]))
    for word in _WORD.findall(_UTC_OFFSET.sub(" ", stem)):
        if word.upper() in SEVERAL_MEANINGS:
            return None
        if word.upper() in ZONES:
            offsets.add(float(ZONES[word.upper()]))
    return offsets.pop() if len(offsets) == 1 else None if offsets else 0.0


def _hours(offset: str) -> float:
    digits = re.sub(r"\D", "", offset)
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    return (-1 if offset[0] == "-" else 1) * (int(hours) + int(minutes) / 60)
