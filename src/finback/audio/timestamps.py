"""The start of a recording, from the file name given by the recorder: never guessed.

| recorder                                | name                                    |
|-----------------------------------------|-----------------------------------------|
| AudioMoth                               | 20200623_000152.WAV, ID_20200623_...    |
| AudioMoth, firmware of 2017-2019        | 5E3F9A00.WAV (seconds since 1970, hex)  |
| SoundTrap                               | 5146.200623000152.wav                   |
| SoundTrap, as named by SanctSound       | SanctSound_..._67391492_200623000152.wav|
| HARP                                    | SOCAL_26_H_090329_121500.x.wav          |
| Wildlife Acoustics                      | SITE_20200623_000152.wav, $ if GPS-set  |
| PAMGuard, Cornell/NOPP                  | PAM_20200623_000152_885.wav             |
| icListen                                | SBW1234_20200623_000152.wav             |
| AMAR, Ocean Networks Canada, ISO 8601   | 2020-06-23T00-01-52Z, 20200623T000152Z  |
| RTSys, Sylence                          | channelA_2020-06-23_00-01-52.wav        |
| MBARI (MARS)                            | MARS-20200623T000152Z-16kHz.wav         |
| Loggerhead (LS1, Snap)                  | 20200623T000152_4158460917157908_2.0.wav|
| Frontier Labs                           | 20200623T100152+1000_REC [-27.3 152.8]  |
| gliders with WISPR                      | WISPR_200623_000152.wav                 |
| Seaglider with PMAR                     | sg001_SITE_Jun2020_200623-000152.038.wav|

Six digits for a date have several meanings (year, month, day, or day, month, year), so they are a date only
in names of a kind that is known. The number after a Seaglider's time counts files of a dive.

A name without a zone is taken as UTC, the rule of passive acoustic monitoring and the default of these
recorders, unless the file or the user says something else (`finback.audio.start_times`). A name that states a
zone is converted when the zone has one meaning: offsets (-0400, UTC+2) and the abbreviations in `ZONES`. EST
is UTC-5 all year (it is the standard time; summer time is EDT), as in Cornell's NOPP buoys. A zone with
several meanings (CST, IST, local ...) makes the time unknown. So do an impossible date, two zones that
disagree, and anything after the time that could mark an excerpt (..._000152_3.0s.wav begins later).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from finback.audio.statements import MOST_HOURS

UNKNOWN_FORM = "the name may hold a time in a form that is not known"
DATE_ALONE = "the name has a date without a time of day"
LONGEST_NAME = 300  # file systems allow 255
EXCERPT = "what follows the time in the name may mean an excerpt of a recording"

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
    r"(?<!\d)(?P<date>(?:19|20)\d\d(?P<dash>[-._])\d\d(?P=dash)\d\d)[-T_ ]{1,2}"
    r"(?P<time>\d\d[-:._]?\d\d[-:._]?\d\d)(?!\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d[-:]?\d\d)?"
)
# One pattern per line; the rest of the name must be harmless (see _TAIL).
SHAPES: dict[str, re.Pattern[str]] = {
    "date_time": re.compile(
        rf"(?<!\d){_DATE8}[_T$-](?P<time>\d{{6}})(?!\d){_FRACTION}(?P<zone>Z|[+-]\d{{4}})?"
    ),
    "iso": re.compile(_ISO),
    "digits": re.compile(r"(?<!\d)(?P<date>(?:19|20)\d{6})(?P<time>\d{6})(?!\d)(?P<zone>Z)?"),
    "soundtrap": re.compile(r"(?:^|[_-])\d{3,10}\.(?P<date>\d{6})(?P<time>\d{6})(?!\d)"),
    "sanctsound": re.compile(r"^SanctSound_.*_\d{4,10}_(?P<date>\d{6})(?P<time>\d{6})(?!\d)"),
    "wispr": re.compile(r"(?<![A-Za-z])WISPR\d?_(?P<date>\d{6})_(?P<time>\d{6})(?!\d)"),
    "seaglider": re.compile(
        r"^sg\d{3}_(?:.*_)?(?P<date>\d{6})-(?P<time>\d{6})(?!\d)(?:\.\d{3}(?!\d))?", re.I
    ),
    "harp": re.compile(r"(?<!\d)(?P<date>\d{6})[_-](?P<time>\d{6})(?!\d)"),  # only for .x.wav
}
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")  # .wav, .x, .d24
_TAIL = re.compile(  # AudioMoth's T for triggered, then words, a channel, a rate, a place, a zone
    r"T?(?:[ _.-]+(?:\(?[A-Za-z]{1,9}\)?|ch(?:an|annel)?[_-]?\d+|\d+k?Hz"
    r"|\[ ?[+-]?\d+(?:\.\d+)?[ +-]+\d+(?:\.\d+)? ?\]"
    r"|\(?(?:UTC|GMT)[+-]\d{1,2}(?::?\d\d)?\)?))*[ _.-]*"
    r"|_\d{10,20}_\d{1,2}\.\d(?:dB)?"  # Loggerhead: serial number and gain
)
_EXCERPT = re.compile(
    r"(?<![A-Za-z])(?:clip|cut|part|seg|segment|sel|selection|excerpt|chunk)(?![A-Za-z])", re.I
)
_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,9}(?![A-Za-z0-9])")
_UTC_OFFSET = re.compile(r"(?:UTC|GMT)(?P<offset>[+-](?:0?\d|1[0-4])(?::?\d\d)?)(?!\d)", re.I)
# Firmware that named files so was in use from the first AudioMoths on; the format changed in 2020.
_HEX_SINCE = datetime(2017, 1, 1, tzinfo=UTC)
_HEX_UNTIL = datetime(2023, 1, 1, tzinfo=UTC)


# Digits that may be a date, or a date and a time, in a form that is not known.
_DATE_LIKE = re.compile(r"(?<!\d)(?:(\d{2})(\d{2})(\d{2})(?:[-_ T.]?\d{4,6})|(\d{4})(\d{2})(\d{2}))(?!\d)")


@dataclass(frozen=True, slots=True)
class NamedTime:
    """What a file name says. `when` has a zone if the name states one; `local`: the name says that it is a
    local time, of a zone with several meanings. `unsure`: why a time that may be there was not read."""

    when: datetime | None = None
    local: bool = False
    unsure: str = ""


def start_time(path: Path | str) -> datetime | None:
    """UTC start of a recording, from its file name alone; None when the name does not tell."""
    named = named_time(path)
    if named.when is None or named.local:
        return None
    return named.when.replace(tzinfo=UTC) if named.when.tzinfo is None else named.when.astimezone(UTC)


def named_time(path: Path | str) -> NamedTime:
    """The time in a file name."""
    stem, suffixes = Path(path).name, []
    if len(stem) > LONGEST_NAME:
        return NamedTime()
    while match := _SUFFIX.search(stem):
        suffixes.append(match.group())
        stem = stem[: match.start()]
    if when := _audiomoth_hex(stem, suffixes):
        return NamedTime(when)
    for name, shape in SHAPES.items():
        if name == "harp" and ".x" not in (s.lower() for s in suffixes):
            continue  # six digits, a bar, six digits: too common to be read as a time elsewhere
        if match := shape.search(stem):
            tail = stem[match.end() :]
            if not _TAIL.fullmatch(tail) or _EXCERPT.search(tail):
                return NamedTime(
                    unsure="what follows the time in the name may mean an excerpt of a recording"
                )
            return _read(match, stem)
    dates = [m for m in _DATE_LIKE.finditer(stem) if _may_be_date(*m.groups())]
    if any(match[1] for match in dates):
        return NamedTime(unsure=UNKNOWN_FORM)
    return NamedTime(unsure=DATE_ALONE if dates else "")


def _may_be_date(*digits: str | None) -> bool:
    """Two-digit numbers that are a date in one of the usual orders, or a date with the year in front."""
    short, long = digits[:3], digits[3:]
    if long[0] is not None:
        return long[0][:2] in ("19", "20") and 1 <= int(long[1] or 0) <= 12 and 1 <= int(long[2] or 0) <= 31
    first, second, third = (int(part or 0) for part in short)
    return any(1 <= m <= 12 and 1 <= d <= 31 for m, d in ((second, third), (second, first), (first, second)))


def _audiomoth_hex(stem: str, suffixes: list[str]) -> datetime | None:
    """Seconds since 1970 as eight upper-case hex digits.

    Watkins record ids (6102500A: year, tape, cut) look the same, but start with five decimal digits and are
    not called .WAV; a name that could be either is not read as a time.
    """
    if not re.fullmatch(r"[0-9A-F]{8}", stem) or (stem[:5].isdecimal() and suffixes != [".WAV"]):
        return None
    when = datetime.fromtimestamp(int(stem, 16), tz=UTC)
    never_set = when.year == 1970 and suffixes == [".WAV"]
    return when if _HEX_SINCE <= when < _HEX_UNTIL or never_set else None


def _read(match: re.Match[str], stem: str) -> NamedTime:
    part = match.groupdict()
    date, time = (re.sub(r"\D", "", part[key]) for key in ("date", "time"))
    try:
        local = datetime.strptime(date if len(date) == 8 else "20" + date, "%Y%m%d")
        local = local.replace(hour=int(time[:2]), minute=int(time[2:4]), second=int(time[4:]))
    except ValueError:
        return NamedTime(unsure="the digits in the name are no date and time")
    local = local.replace(microsecond=int((part.get("fraction") or "0")[:6].ljust(6, "0")))
    offsets, several_meanings = _offsets(stem, part.get("zone"))
    if len(offsets) > 1 or (several_meanings and offsets):
        return NamedTime(unsure="the name states two time zones")
    if any(abs(hours) > MOST_HOURS for hours in offsets):
        return NamedTime(unsure="the name states an offset that no time zone has")
    if several_meanings:
        return NamedTime(local, local=True)
    return NamedTime(local.replace(tzinfo=timezone(timedelta(hours=offsets.pop()))) if offsets else local)


def _offsets(stem: str, zone: str | None) -> tuple[set[float], bool]:
    """Hours east of UTC that the name says; and whether it names a zone with several meanings."""
    offsets, several_meanings = set(), False
    if zone:
        offsets.add(0.0 if zone == "Z" else _hours(zone))
    for offset in _UTC_OFFSET.finditer(stem):
        offsets.add(_hours(offset["offset"]))
    for word in _WORD.findall(_UTC_OFFSET.sub(" ", stem)):
        several_meanings = several_meanings or word.upper() in SEVERAL_MEANINGS
        if word.upper() in ZONES:
            offsets.add(float(ZONES[word.upper()]))
    return offsets, several_meanings


def _hours(offset: str) -> float:
    digits = re.sub(r"\D", "", offset)
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    return (-1 if offset[0] == "-" else 1) * (int(hours) + int(minutes) / 60)
