"""What the columns of a table are, by their names: times with their unit, channels, frequencies, files.

A time is read when its name says that it is a start, an end or a duration, and gives the unit:

    Start (s), begin_sec, onset_s, FileBeginSec, Left time (sec), End Time (ms), stop_sample, Delta Time (s)

A name without a unit (`start`) or with a clock (`start_datetime`, `UTC`) is not read. `unread` says so, and
names every other column that looks as if it places a clip and is not read: nothing is ignored silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from finback.data.numbers import Comma, comma_of, number
from finback.data.problems import Problem
from finback.data.tables import Row, Table

Role = Literal["start", "end", "duration", "frequency", "channel", "file", ""]
Unit = Literal["s", "ms", "min", "h", "samples", "clock", ""]

UNITS: dict[str, Unit] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("sample", "samples", "smp"), "samples"),
}
SECONDS = {"s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
ROLES: dict[str, Role] = {
    **dict.fromkeys(("start", "starts", "begin", "begins", "beginning", "onset", "left", "from"), "start"),
    **dict.fromkeys(("tstart", "tbegin", "tmin", "t0", "debut", "inicio", "anfang", "beginn"), "start"),
    "beg": "start",
    **dict.fromkeys(("end", "ends", "stop", "stops", "finish", "right", "until", "to"), "end"),
    **dict.fromkeys(("tend", "tstop", "tmax", "t1", "fin", "ende", "fim"), "end"),
    **dict.fromkeys(("duration", "dur", "length", "delta", "duree", "dauer", "duracion"), "duration"),
    **dict.fromkeys(
        ("frequency", "freq", "freqs", "hz", "khz", "fmin", "fmax", "flow", "fhigh"), "frequency"
    ),
    **dict.fromkeys(("channel", "chan", "ch", "kanal", "canal"), "channel"),
    **dict.fromkeys(("folder", "directory", "dir", "subfolder", "subdir", "indir", "path"), "file"),
}
# Words that may stand beside a role without changing it.
BESIDE = frozenset(
    [
        *("time", "times", "position", "pos", "file", "audio", "event", "call", "selection", "annotation"),
        *("clip", "segment", "detection", "label", "box", "tag", "bout"),
        *("in", "of", "the", "relative", "within", "t"),
    ]
)
CLOCK = frozenset(["date", "datetime", "timestamp", "utc", "gmt", "local", "clock", "iso", "day"])


@dataclass(frozen=True, slots=True)
class Meaning:
    """The role of a column by its name, and its unit ("" when the name gives none)."""

    role: Role
    unit: Unit = ""


def meaning(name: str) -> Meaning:
    """What a column is by its name; role "" when its name says nothing about the place of a clip."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # FileBeginSec
    words = [word for word in re.split(r"[\W_]+", apart.casefold()) if word]
    joined = {"starttime": "start", "endtime": "end", "begintime": "begin", "stoptime": "stop"}
    words = [joined.get(word, word) for word in words]
    roles = [ROLES[word] for word in words if word in ROLES]
    if "frequency" in roles:
        return Meaning("frequency")
    clock = any(word in CLOCK for word in words)
    unit: Unit = "clock" if clock else UNITS.get(words[-1], "") if len(words) > 1 else ""
    left = words[:-1] if unit not in ("", "clock") else words
    others = [word for word in left if word not in BESIDE and word not in CLOCK and word not in ROLES]
    if not roles or others:
        return Meaning("")
    if "duration" in roles:
        return Meaning("duration", unit) if "delta" not in words or "time" in words else Meaning("")
    return Meaning(roles[0], unit)


@dataclass(frozen=True)
class Time:
    """A column of times: its position, its name, its unit, and what a comma is in its numbers."""

    position: int
    name: str
    unit: Unit
    comma: Comma = "decimal"

    def of(self, row: Row) -> float | None:
        """The value in seconds, or in samples for that unit. Raises `ValueError` with a reason."""
        text = row.cells[self.position]
        try:
            value = number(text, self.comma)
        except ValueError as error:
            raise ValueError(f"{self.name} {error}") from None
        if value is None or self.unit == "samples" or ":" in text:
            return value
        return value * SECONDS[self.unit] if self.unit != "s" else value


@dataclass(frozen=True)
class Times:
    """The columns that place a clip in its file."""

    start: Time | None = None
    end: Time | None = None
    duration: Time | None = None

    @cached_property
    def in_samples(self) -> bool:
        """Whether the times are sample numbers."""
        return any(time.unit == "samples" for time in self.all)

    @property
    def all(self) -> tuple[Time, ...]:
        return tuple(time for time in (self.start, self.end, self.duration) if time is not None)

    def of(self, row: Row) -> tuple[float | None, float | None]:
        """Start and end of the clip of a row (None: of the file). Raises `ValueError` with a reason."""
        start = None if self.start is None else self.start.of(row)
        end = None if self.end is None else self.end.of(row)
        if end is None and self.duration is not None:
            duration = self.duration.of(row)
            end = None if duration is None else (start or 0.0) + duration
        return start, end


def time_column(table: Table, position: int, unit: Unit = "s") -> Time:
    """The column at a position as times of a known unit."""
    comma = comma_of(row.cells[position] for row in table.rows)
    return Time(position, table.header[position], unit, comma)


def times_of(table: Table) -> Times:
    """The columns of times whose names give role and unit; seconds first, all in samples or none."""
    found: dict[tuple[Role, bool], Time] = {}
    meanings = [meaning(name) for name in table.header]
    onset = any(name.casefold().startswith("onset") for name in table.header)
    for unit in ("s", "ms", "min", "h", "samples"):
        for position, (name, m) in enumerate(zip(table.header, meanings, strict=True)):
            # `offset_s` beside `onset_s` is the end; alone it is not clear.
            if onset and re.fullmatch(rf"offset[\W_]*{unit}\w*[\W_]*", name.casefold()):
                m = Meaning("end", unit)
            key = (m.role, unit == "samples")
            if m.unit == unit and m.role in ("start", "end", "duration") and key not in found:
                found[key] = time_column(table, position, unit)
    samples = (("start", False) not in found) and (("start", True) in found or ("end", True) in found)
    chosen = [found.get((role, samples)) for role in ("start", "end", "duration")]
    # A duration without a start is that of the whole file, as tables of metadata have it.
    return Times(chosen[0], chosen[1], chosen[2] if chosen[0] is not None else None)


def unread_times(table: Table, used: Sequence[int], times: Times) -> tuple[int, ...]:
    """Positions of columns that look like the start or the end of clips, have values, and are not read."""
    missing = _missing(times) - {meaning(table.header[i]).role for i in used}
    return tuple(
        position
        for position, name in enumerate(table.header)
        if position not in used
        and missing
        and (meaning(name).role in missing or _is_time(name))
        and _has_digits(table, position)
    )


def _missing(times: Times) -> set[str]:
    """The roles for which there is no column of times."""
    missing = {"start"} if times.start is None else set()
    if times.end is None and times.duration is None:
        missing |= {"end"} if times.start is None else {"end", "duration"}
    return missing


def unread(table: Table, used: Sequence[int], times: Times, file: int | None) -> Iterator[Problem]:
    """Notes on columns that look as if they place a clip, have values, and are not read."""
    of_time = unread_times(table, used, times)
    frequencies: list[str] = []
    for position, name in enumerate(table.header):
        if position in used or not any(row.cells[position] for row in table.rows):
            continue
        m = meaning(name)
        if position in of_time:
            yield _note(table, name, _unread_time(m, times), _time_repair(m))
        elif m.role == "frequency":
            frequencies.append(f"'{name}'")
        elif m.role == "channel" and not any(meaning(table.header[i]).role == "channel" for i in used):
            message = "is not read, so each clip is the mean of all channels"
            yield _note(table, name, message, "if the column holds channels from 0, rename it channel")
        elif m.role == "file" and file is not None:
            repair = "if file names alone are ambiguous, write folder and file in one column"
            yield _note(table, name, "is not read: the file is in another column", repair)
    if frequencies:
        message = f"holds frequencies ({', '.join(frequencies[:6])}), which are not used"
        yield Problem("ignored_column", table.path.name, 1, message, "a clip is a span of time")
    if times.start is None and not of_time:
        yield from _unknown_numbers(table, used)


def _unknown_numbers(table: Table, used: Sequence[int]) -> Iterator[Problem]:
    """A note where two neighbouring columns of unknown names could be starts and ends, and no others are."""
    for first in range(len(table.header) - 1):
        pair = (first, first + 1)
        if any(i in used or meaning(table.header[i]).role for i in pair):
            continue
        if table.rows and all(_could_be_span(*(row.cells[i] for i in pair)) for row in table.rows[:1000]):
            names = " and ".join(f"'{table.header[i]}'" for i in pair)
            message = f"columns {names} are not read, so each clip is a whole file"
            repair = "if they hold seconds, rename them start_s and end_s"
            yield Problem("ignored_column", table.path.name, 1, message, repair)


def _could_be_span(start: str, end: str) -> bool:
    try:
        first, last = number(start), number(end)
    except ValueError:
        return False
    return first is not None and last is not None and 0 <= first < last


def _is_time(name: str) -> bool:
    words = re.split(r"[\W_]+", name.casefold())
    return bool(words) and ("offset" in words or words in (["time"], ["utc"]))


def _has_digits(table: Table, position: int) -> bool:
    return any(char.isdigit() for row in table.rows[:1000] for char in row.cells[position][:40])


def _unread_time(m: Meaning, times: Times) -> str:
    if times.start is None and times.end is None:
        return "is not read, so each clip is a whole file"
    return (
        "is not read, so each clip goes on to the "
        + ("end" if times.end is None else "start")
        + " of its file"
    )


def _time_repair(m: Meaning) -> str:
    role = m.role if m.role in ("start", "end", "duration") else "start"
    if m.unit == "clock":
        return f"give seconds from the beginning of the file in a column {role}_s"
    others = f"milliseconds: {role}_ms, samples: {role}_sample"
    return f"if the column holds seconds, rename it {role}_s ({others})"


def _note(table: Table, name: str, message: str, repair: str) -> Problem:
    return Problem("ignored_column", table.path.name, 1, f"column '{name}' {message}", repair)
