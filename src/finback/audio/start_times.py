"""When a recording began, in UTC: from the file's own metadata and its name; unknown rather than wrong.

    found = start_time(path, [*metadata.statements(path, 48_000, {})], time_options(zone="America/New_York"))
    found.utc, found.source, found.remark

The rules, in this order:

1. A clock that was never set (1970, January 1980, the first days of 2000, 2001 and 2010) and a time in the
   future are no times.
2. A source that states its zone is taken first: the recorder's metadata, then the file name. Where two fields
   of recorders, both with zones, differ by more than 5 s, the time is unknown.
3. A local time without a zone is in the zone that the user gives (`time_zone`); else the time is unknown. The
   same holds for a name that repeats this local time.
4. A name without a zone, where no metadata speaks against it, is in the zone that the user gives; else in
   UTC, the rule of passive acoustic monitoring.
5. A time that daylight saving time leaves out or repeats is unknown.

Sources that disagree are named in `remark`. Dates of export (bext, iXML, INFO, ID3) are weaker than a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from finback.audio.addresses import Place
from finback.audio.metadata import statements
from finback.audio.statements import Statement
from finback.audio.time_options import TimeOptions
from finback.audio.timestamps import EXCERPT, UNKNOWN_FORM, named_time
from finback.core.types import Recording

TOLERANCE = timedelta(seconds=5)  # clocks are read at slightly different moments
NAME = "file name"
BY_PATTERN = "file name, by the pattern"
NAME_AS_UTC = "without a zone, read as UTC"
ORDER = ("HARP chunk", "SoundTrap log", "AudioMoth comment", "GUANO", "Wildlife Acoustics", "Frontier Labs")
# Days on which clocks start that nobody set. Tapes of the 1970s that are dated by their names are the price.
NEVER_SET = (
    (datetime(1, 1, 1), datetime(1940, 1, 1)),  # 1601, 1900, 1904: epochs of computers
    (datetime(1969, 12, 31), datetime(1971, 1, 1)),  # Unix
    (datetime(1979, 11, 30), datetime(1979, 12, 1)),  # FAT, day 0
    (datetime(1979, 12, 31), datetime(1980, 2, 1)),  # FAT file systems, GPS
)
FIRST_RECORDERS = datetime(2000, 1, 1)  # no recorder wrote the fields of `ORDER` before
DOUBTFUL_DAYS = frozenset(((2000, 1, 1), (2001, 1, 1), (2010, 1, 1)))  # believed if the user gave a pattern

NO_TIME = "no time in the file or its name"
NEVER = "the clock was never set"
FUTURE = "the time is in the future"
NO_ZONE = "a local time without a zone"
DISAGREE = "sources disagree"
GIVE_ZONE = "give its zone with --time-zone"
GIVE_PATTERN = "give its form with --time-pattern"
LEAVE = "no repair is needed if times do not matter"
ADVICE = {  # by the reason why a name was not read
    UNKNOWN_FORM: GIVE_PATTERN,
    EXCERPT: "if the time is the start of this very file, give its form with --time-pattern",
}


@dataclass(frozen=True, slots=True)
class StartTime:
    """`utc` is None when unknown. `source` names where the time is from or, when unknown, why it is. `remark`
    ("what; advice", or "") says what a user should know."""

    utc: datetime | None
    source: str
    remark: str = ""


Schedule = tuple[tuple[int, datetime], ...]


def with_start(
    recording: Recording, schedule: Schedule, tags: Mapping[str, str], options: TimeOptions
) -> Recording:
    """The recording with its start, and with its HARP schedule unless the clock of the HARP was never set."""
    stated = statements(recording.path, recording.sample_rate, tags)
    found, trusted = with_schedule(recording.path, schedule, stated, options)
    return replace(
        recording,
        schedule=trusted,
        start_time=found.utc,
        start_time_source=found.source,
        start_time_remark=found.remark,
    )


def with_schedule(
    path: Place, schedule: Schedule, stated: Iterable[Statement], options: TimeOptions
) -> tuple[StartTime, Schedule]:
    """The start, and the schedule of a HARP, which is () where its clock was never set."""
    harp = [Statement("HARP chunk", when) for sample, when in schedule[:1] if sample == 0]
    trusted = not any(clock_fault(Statement("HARP chunk", when)) for _, when in schedule)
    return start_time(path, [*harp, *stated], options), schedule if trusted else ()


def start_time(path: Place, stated: Iterable[Statement], options: TimeOptions) -> StartTime:
    """The start of the recording at `path`, from the statements in its metadata and from its name."""
    name, unsure = _of_name(path, options)
    everything = [*stated, *([name] if name else [])]
    faults = [(s, clock_fault(s, bool(options.pattern))) for s in everything]
    usable = [s for s, fault in faults if not fault and s.when is not None]
    notes = [f"{_says(s)}: {fault}" for s, fault in faults if fault]
    notes += [f"the time in the {s.source} cannot be read" for s in everything if s.when is None]
    found = _decide(usable, options) if usable else None
    if found is None:
        fault = next((fault for _, fault in faults if fault), "")
        reason = fault or unsure or (notes[0] if notes else "")
        advice = LEAVE if fault or notes else ADVICE.get(unsure, LEAVE)
        return _unknown(reason or NO_TIME, "; ".join(notes[:1]) or reason, advice if reason else "")
    if notes and not found.remark:
        advice = f"the time is from the {found.source}" if found.utc else LEAVE
        return StartTime(found.utc, found.source, f"{'. '.join(notes)}; {advice}")
    return found


def clock_fault(statement: Statement, patterned: bool = False) -> str:
    """Why this is no time at which a recorder recorded; "" when it may be one."""
    when = statement.when
    if when is None:
        return ""
    wall = when.replace(tzinfo=None)
    utc = wall if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)
    if any(first <= t < last for first, last in NEVER_SET for t in (wall, utc)):
        return NEVER
    if statement.source in ORDER and utc < FIRST_RECORDERS:
        return NEVER
    believed = patterned and statement.source == BY_PATTERN
    if not believed and any((t.year, t.month, t.day) in DOUBTFUL_DAYS for t in (wall, utc)):
        return NEVER
    return FUTURE if utc > datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1) else ""


def _of_name(path: Place, options: TimeOptions) -> tuple[Statement | None, str]:
    """What the name says, and why a time that it may hold was not read."""
    if options.pattern and (when := options.named(path.name)):
        return Statement(BY_PATTERN, when), ""
    named = named_time(path.name)
    return (Statement(NAME, named.when, local=named.local) if named.when else None), named.unsure


def _decide(usable: Sequence[Statement], options: TimeOptions) -> StartTime | None:
    zoned = sorted((s for s in usable if s.when and s.when.tzinfo), key=_rank)
    if zoned:
        return _zoned(zoned, usable)
    name = next((s for s in usable if s.source in (NAME, BY_PATTERN)), None)
    local = sorted((s for s in usable if s.local), key=_rank)
    first = local[0] if local else name or usable[0]
    others = [s for s in usable if s is not first]
    if options.zone:
        return _in_zone(first, others, options)
    if local or name is None:
        return _unknown(NO_ZONE, f"{_says(first)}, a local time without a zone", GIVE_ZONE)
    as_utc = StartTime(_utc(first), f"{first.source}, {NAME_AS_UTC}")
    against = [s for s in others if not _agree(first, s)]
    if not against:
        return as_utc
    what = f"{_says(first)}, the {_says(against[0])}"
    if _other_zone(first, against[0]):
        return _unknown(NO_ZONE, f"{what}: one of them is a local time without a zone", GIVE_ZONE)
    return StartTime(as_utc.utc, as_utc.source, f"{what}; the time is from the {first.source}")


def _zoned(zoned: Sequence[Statement], usable: Sequence[Statement]) -> StartTime:
    """The first statement with a zone, unless another of equal worth disagrees."""
    first = zoned[0]
    against = [s for s in usable if s is not first and not _agree(first, s)]
    if not against:
        return StartTime(_utc(first), first.source)
    both = f"{_says(first)}, the {_says(against[0])}"
    of_recorders = [s for s in against if s.source in ORDER and s.when and s.when.tzinfo]
    if (first.source in ORDER and of_recorders) or (first.weak and not _other_zone(first, against[0])):
        return _unknown(DISAGREE, f"{_says(first)}, the {_says((of_recorders or against)[0])}", LEAVE)
    return StartTime(_utc(first), first.source, f"{both}; the time is from the {first.source}, with its zone")


def _in_zone(first: Statement, others: Sequence[Statement], options: TimeOptions) -> StartTime:
    """A time without a zone, in the zone that the user gave."""
    moments = options.in_zone(first.when) if first.when else []
    source = f"{first.source}, in {options.zone}"
    if len(moments) != 1:
        what = "does not exist" if not moments else "happens twice"
        when = f"{first.when:%Y-%m-%d %H:%M:%S} {what} in {options.zone}"
        return _unknown(f"the time {what} in the zone", when, "give UTC in the file name")
    zoned = Statement(first.source, moments[0])
    wall = Statement(first.source, first.when)
    against = [s for s in others if not (_agree(zoned, s) or _agree(wall, s))]
    if against and first.weak:
        return _unknown(DISAGREE, f"{_says(first)}, the {_says(against[0])}", LEAVE)
    remark = (
        f"{_says(first)}, the {_says(against[0])}; the time is from the {first.source}" if against else ""
    )
    return StartTime(moments[0], source, remark)


def _rank(statement: Statement) -> int:
    if statement.source in ORDER:
        return ORDER.index(statement.source)
    return len(ORDER) + (1 if statement.weak else 0)


def _agree(one: Statement, other: Statement) -> bool:
    """Whether both may mean the same moment: as the clock shows it, or in UTC."""
    if one.when is None or other.when is None:
        return True
    if (one.when.tzinfo is None) == (other.when.tzinfo is None):
        return abs(one.when - other.when) <= TOLERANCE
    walls = [{s.when.replace(tzinfo=None), _utc(s).replace(tzinfo=None)} for s in (one, other) if s.when]
    return min(abs(a - b) for a in walls[0] for b in walls[1]) <= TOLERANCE


def _other_zone(one: Statement, other: Statement) -> bool:
    """Whether two times differ as the clocks of two zones do: by quarters of an hour, 26 hours at most."""
    if one.when is None or other.when is None:
        return False
    apart = abs(one.when.replace(tzinfo=None) - other.when.replace(tzinfo=None))
    rest = apart % timedelta(minutes=15)
    return apart <= timedelta(hours=26) and min(rest, timedelta(minutes=15) - rest) <= TOLERANCE


def _utc(statement: Statement) -> datetime:
    when = statement.when or datetime.max
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _says(statement: Statement) -> str:
    if statement.when is None:
        return f"{statement.source} holds a time"
    text = f"{statement.when:%Y-%m-%d %H:%M:%S}"
    zone = f"{statement.when:%z}"
    zone = " UTC" if zone == "+0000" else f" UTC{zone[:3]}:{zone[3:5]}" if zone else ""
    return f"{statement.source} says {text}{zone}"


def _unknown(reason: str, what: str = "", advice: str = "") -> StartTime:
    return StartTime(None, reason, f"start time unknown: {what}; {advice}" if what else "")
