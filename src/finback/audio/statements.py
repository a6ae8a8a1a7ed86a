"""What recorders write into a file about its start: from bytes or text to a `Statement`.

| field | meaning | zone |
|---|---|---|
| AudioMoth comment (LIST INFO ICMT) | start of the recording | stated; without one UTC, as of old firmware |
| GUANO `Timestamp` (chunk `guan`) | start of the recording | stated, or local time (GUANO 1.0) |
| Wildlife Acoustics (chunk `wamd`, field 5) | start of the file | stated, or local time (wa_meta.h) |
| Frontier Labs `RecordingStart` (FLAC) | start of the recording | stated |
| SoundTrap log `SamplingStartTimeUTC` | first sample | UTC |
| INFO ICRD, FLAC or ID3 date | date of creation; icListen and others write the start | stated or none |
| bext and iXML | `OriginationDate`, `OriginationTime`: when the sequence was made | none (EBU Tech 3285) |

A date without a time of day is no start. A field that is there but cannot be read gives a statement without
a time, so that the user learns of it. No function here raises an error, whatever the bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST_HOURS = 14  # the largest offset in use: UTC+14
_FIELD = 5000  # characters of a text that are looked at


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement on the start of a recording.

    `when` has a zone where the source states one; None: there is a time, but it cannot be read. `local`: the
    source says that this is local time. `weak`: the field may also mean when the file was made or exported.
    """

    source: str
    when: datetime | None
    local: bool = False
    weak: bool = False


_ISO = re.compile(
    r"\s*(\d{4})[-/:](\d\d)[-/:](\d\d)[T ]\s*(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"\s*(Z|UTC|[+-]\d{1,2}(?::?\d\d)?)?\s*"
)
_AUDIOMOTH = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? (\d\d)/(\d\d)/(\d{4})"
    r"(?: \(UTC([+-]\d{1,2}(?::?\d\d)?)?\))? (?:by|during)"
)
_SOUNDTRAP = re.compile(rb'SamplingStartTimeUTC\s*=\s*"([^"]{1,40})"')
_IXML = {
    name: re.compile(rf"<BWF_{name}>\s{{0,20}}([^<\s]{{1,40}})\s{{0,20}}</".encode())
    for name in ("ORIGINATION_DATE", "ORIGINATION_TIME")
}


def iso(text: str) -> datetime | None:
    """A date with a time of day, as in ISO 8601, with its zone if it states one; None for anything else."""
    match = _ISO.fullmatch(text[:100].replace("\0", " "))
    if match is None:
        return None
    *fields, fraction, zone = match.groups(default="0")
    return moment([int(f) for f in fields], fraction, zone if match[8] else "")


def moment(fields: list[int], fraction: str = "0", zone: str = "") -> datetime | None:
    """Year, month, day, hour, minute, second, the digits after the point, and Z or an offset; None where
    there is no such time or no such zone."""
    if not FIRST_YEAR <= fields[0] <= LAST_YEAR:
        return None
    offset = timedelta(0) if zone in ("Z", "UTC") else zone_offset(zone) if zone else None
    if zone and offset is None:
        return None
    try:
        year, month, day, hour, minute, second = fields
        zoned = None if offset is None else timezone(offset)
        microsecond = int(fraction[:6].ljust(6, "0"))
        return datetime(year, month, day, hour, minute, second, microsecond, zoned)
    except ValueError:
        return None


def zone_offset(text: str) -> timedelta | None:
    """+10, -5, +5:30, +0530, -02:30 as hours and minutes east of UTC; None for offsets that no zone has."""
    match = re.fullmatch(r"([+-])(\d{1,2})(?::?([0-5]\d))?", text)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if offset > timedelta(hours=MOST_HOURS):
        return None
    return -offset if match[1] == "-" else offset


def comment(text: str) -> Iterator[Statement]:
    """The comment of an AudioMoth; nothing for other comments."""
    text = text[:_FIELD]
    match = _AUDIOMOTH.search(text)
    if match is not None:
        hour, minute, second, fraction, day, month, year, offset = match.groups()
        fields = [int(year), int(month), int(day), int(hour), int(minute), int(second)]
        yield Statement("AudioMoth comment", moment(fields, fraction or "0", offset or "Z"))
    elif re.match(r"Recorded at \d", text) and "AudioMoth" in text:
        yield Statement("AudioMoth comment", None)


def date_tag(text: str, source: str) -> Iterator[Statement]:
    """A date of creation, if it has a time of day."""
    when = iso(text)
    if when is not None:
        yield Statement(source, when, weak=True)


def guano(data: bytes) -> Iterator[Statement]:
    """The `Timestamp` of a GUANO chunk."""
    for line in data.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip(" \t\0\ufeff") == "Timestamp" and value.strip(" \t\0"):
            when = iso(value)
            yield Statement("GUANO", when, local=when is not None and when.tzinfo is None)
            return


def wamd(data: bytes) -> Iterator[Statement]:
    """The start time of a Wildlife Acoustics chunk: fields of (id uint16, length uint32, content)."""
    at = 0
    while at + 6 <= len(data):
        kind, n_bytes = struct.unpack_from("<HI", data, at)
        value = data[at + 6 : at + 6 + n_bytes]
        if kind == 0 and value[:2] != b"\x01\x00":  # only version 1 is described
            return
        if kind == 5:
            when = iso(value.decode("ascii", "replace"))
            yield Statement("Wildlife Acoustics", when, local=when is not None and when.tzinfo is None)
            return
        at += 6 + n_bytes


def bext(data: bytes, sample_rate: int) -> Iterator[Statement]:
    """`OriginationDate` and `OriginationTime` of a broadcast chunk, and the samples since midnight."""
    if len(data) < 346:
        return
    made = _origination(data[320:330], data[330:338])
    samples = struct.unpack_from("<Q", data, 338)[0]
    if made is None:
        return
    midnight = made.replace(hour=0, minute=0, second=0)
    if samples and sample_rate and samples < 86400 * sample_rate:
        first = midnight + timedelta(seconds=samples / sample_rate)
        # A recorder that splits files repeats the time of the first one; the samples count on.
        yield Statement("bext", first, weak=True)
        if abs(first - made) > timedelta(seconds=5):
            yield Statement("bext OriginationTime", made, weak=True)
    else:
        yield Statement("bext", made, weak=True)


def ixml(data: bytes) -> Iterator[Statement]:
    """The broadcast dates inside an iXML chunk."""
    found = [pattern.search(data) for pattern in _IXML.values()]
    if all(found):
        made = _origination(*(match[1] for match in found if match))
        if made is not None:
            yield Statement("iXML", made, weak=True)


def soundtrap_log(data: bytes) -> Iterator[Statement]:
    """The log that SoundTrap Host writes beside a recording: the earliest of its sampling starts."""
    times = [iso(match[1].decode("ascii", "replace") + "Z") for match in _SOUNDTRAP.finditer(data)]
    known = [time for time in times if time is not None]
    if times:
        yield Statement("SoundTrap log", min(known) if len(known) == len(times) else None)


def _origination(date: bytes, time: bytes) -> datetime | None:
    """yyyy-mm-dd and hh:mm:ss; EBU Tech 3285 allows several separators."""
    day = re.fullmatch(rb"(\d{4})[-_:. /](\d\d)[-_:. /](\d\d)", date)
    clock = re.fullmatch(rb"(\d\d)[-_:. /](\d\d)[-_:. /](\d\d)", time)
    if day is None or clock is None:
        return None
    return moment([int(field) for field in (*day.groups(), *clock.groups())])
