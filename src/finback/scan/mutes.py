"""Mutes: detections that a person leaves out of the tables, by a small TOML file.

    [[mute]]
    site = "all"                          # as in the tables; with `species` all that a mute needs
    species = "Fin whale"
    start_utc = 2009-03-29T12:00:00Z      # events that start from here on
    stop_utc = 2009-03-30T06:00:00Z       # and before here
    period_s = 30.0                       # events on a beat (scan/beats.py)
    tolerance_s = 0.6
    duration_s = [1.0, 2.6]               # events of these durations, and with these edges of their bands
    low_hz = [80, 130]
    high_hz = [300, 420]

All that a mute names must hold. What is not known does not hold: an event without a start time is not in a
time, an event without a measured band is not in a band.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field, field_validator, model_validator

from finback.core.errors import SettingsError
from finback.core.settings import Frozen, build
from finback.core.text import plain_label, printable
from finback.core.toml import LARGEST, parsed_toml
from finback.scan.beats import on_a_line, on_beat
from finback.scan.found_events import FoundEvent, time_at

Range = tuple[float, float]
TABLE = "mute"
MOST = 1000  # mutes in a file
LONGEST_PERIOD_S = 3600.0


class Mute(Frozen):
    """One mute; see the module."""

    site: str = Field(min_length=1, max_length=200)
    species: str = Field(min_length=1, max_length=200)
    start_utc: AwareDatetime | None = None
    stop_utc: AwareDatetime | None = None
    period_s: float | None = Field(None, gt=0, le=LONGEST_PERIOD_S)
    tolerance_s: float | None = Field(None, gt=0, le=LONGEST_PERIOD_S)
    duration_s: Range | None = None
    low_hz: Range | None = None
    high_hz: Range | None = None

    @field_validator("start_utc", "stop_utc", mode="before")
    @classmethod
    def _a_moment(cls, value: Any) -> Any:
        if value is not None and not (isinstance(value, datetime) and value.tzinfo):
            raise ValueError("give a moment with its zone, without quotes: 2009-03-29T12:00:00Z")
        return value

    @field_validator("duration_s", "low_hz", "high_hz")
    @classmethod
    def _from_to(cls, value: Range | None) -> Range | None:
        if value is not None and not 0 <= value[0] <= value[1]:
            raise ValueError("give the least and the most: [1.0, 2.5]")
        return value

    @model_validator(mode="after")
    def _together(self) -> Mute:
        if self.start_utc and self.stop_utc and self.start_utc >= self.stop_utc:
            raise ValueError("stop_utc is not after start_utc")
        if (self.period_s is None) != (self.tolerance_s is None):
            raise ValueError("period_s and tolerance_s are given together")
        if self.period_s is not None and (self.tolerance_s or 0) > self.period_s / 4:
            raise ValueError("tolerance_s is more than a quarter of period_s, so every event is on the beat")
        return self

    def chosen(self, events: Sequence[FoundEvent], sites: Sequence[str]) -> list[int]:
        """The indices of the events that are muted; `sites` are those of the events."""
        fits = [i for i, event in enumerate(events) if sites[i] == self.site and self._fits(event)]
        if self.period_s is None or self.tolerance_s is None or not fits:
            return fits
        beats = on_beat(on_a_line([events[i] for i in fits]), self.period_s, self.tolerance_s)
        return [i for i, is_on in zip(fits, beats.tolist(), strict=True) if is_on]

    def _fits(self, event: FoundEvent) -> bool:
        if event.label != self.species or not _is_in(event.duration_s, self.duration_s):
            return False
        low, high = (None, None) if event.box is None else (event.box.low_hz, event.box.high_hz)
        if not (_is_in(low, self.low_hz) and _is_in(high, self.high_hz)):
            return False
        if self.start_utc is None and self.stop_utc is None:
            return True
        when = time_at(event.file, event.extent[0])
        if when is None or (self.start_utc is not None and when < self.start_utc):
            return False
        return self.stop_utc is None or when < self.stop_utc


@dataclass(frozen=True, slots=True)
class Mutes:
    """The mutes of a file, for the recordings of a scan."""

    path: str
    mutes: tuple[Mute, ...]
    site: Callable[[str], str]  # of the path of a recording

    def applied(self, events: Sequence[FoundEvent]) -> tuple[list[FoundEvent], tuple[str, ...]]:
        """The events that no mute names, and a note for each mute."""
        sites = [self.site(event.file.path) for event in events]
        gone: set[int] = set()
        notes = []
        for number, mute in enumerate(self.mutes, 1):
            own = set(mute.chosen(events, sites)) - gone
            gone |= own
            where = f"{mute.species} at site {mute.site} by mute {number} of {printable(self.path)}"
            more = "" if own else " (none fits all that it names)"
            notes.append(f"muted: {len(own):,} detections of {where}{more}")
        return [event for i, event in enumerate(events) if i not in gone], tuple(notes)


def read_mutes(path: Path, labels: Sequence[str], paths: Sequence[str], site: Callable[[str], str]) -> Mutes:
    """The mutes of a TOML file; `paths` are the recordings of the scan, and `site` says where each is from.

    Raises `SettingsError` as `parsed_mutes`, and for an unknown site.
    """
    mutes, sites = parsed_mutes(path, labels), sorted({site(one) for one in paths})
    for number, mute in enumerate(mutes, 1):
        if mute.site not in sites:
            more = "; give --sites-by-folder or --site as for the tables that the mute was made from"
            raise _unknown(f"{path}: mute {number}", "site", mute.site, sites, "the sites are: ", more)
    return Mutes(str(path), mutes, site)


def parsed_mutes(path: Path, labels: Sequence[str]) -> tuple[Mute, ...]:
    """The mutes of a TOML file, with species as the model names them.

    Raises `SettingsError` for a file that cannot be read, an unknown key or species, or a wrong value.
    """
    known = {plain_label(name): name for name in labels}
    mutes = []
    for number, values in enumerate(_tables(path), 1):
        where = f"{path}: mute {number}"
        try:
            mute = build(Mute, values)
        except SettingsError as error:
            raise SettingsError(
                f"{where}: {error.problem.replace('setting ', '')}", "correct it; docs/how-to/machines.md"
            ) from None
        species = known.get(plain_label(mute.species))
        if species is None:
            raise _unknown(where, "species", mute.species, labels, "the model has: ")
        mutes.append(mute.model_copy(update={"species": species}))
    return tuple(mutes)


def _unknown(
    where: str, what: str, name: str, known: Collection[str], has: str, more: str = ""
) -> SettingsError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else has + ", ".join(sorted(known)[:20]) + more
    return SettingsError(f"{where}: unknown {what} '{name}'", hint)


def _tables(path: Path) -> list[Mapping[str, Any]]:
    try:
        with open(path, "rb") as file:
            values = parsed_toml(file.read(LARGEST + 1))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file", "check the path of --mute") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})", "check the file") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}", "correct the file") from None
    others = [key for key in values if key != TABLE]
    if others:
        raise SettingsError(f"{path}: unknown key '{others[0]}'", "write each mute under [[mute]]")
    tables = values.get(TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise SettingsError(f"{path}: mute is no list of tables", "write each mute under [[mute]]")
    if len(tables) > MOST:
        raise SettingsError(f"{path}: {len(tables):,} mutes, at most {MOST:,} are read", "join some of them")
    return tables


def mutes_text(mutes: Sequence[Mute], remarks: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """The TOML file of these mutes, with the remarks of each one above it as comments."""
    lines = [*(f"# {line}" for line in head)]
    for mute, own in zip(mutes, remarks, strict=True):
        lines += ["", *(f"# {printable(line)}" for line in own), f"[[{TABLE}]]"]
        values = mute.model_dump(exclude_none=True)
        lines += [f"{name} = {_toml(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return f"{float(value):.10g}" if float(value) % 1 else f"{float(value):.1f}"


def _is_in(value: float | None, limits: Range | None) -> bool:
    return limits is None or (value is not None and limits[0] <= value <= limits[1])
