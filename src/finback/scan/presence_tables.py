"""The rows of `presence-hours.csv`, `presence-days.csv`, `presence-files.csv` and of the occupancy tables.

    site,hour_utc,effort_s,Fin whale,Humpback whale,events: Fin whale,events: Humpback whale
    all,2009-03-29T12:00:00Z,3600,1,0,3,0
    all,2009-03-29T13:00:00Z,0,NA,NA,0,0

1: detected. 0: analysed, not detected. NA: less than the least effort, or none. `occupancy/` holds the
days for R: `long.csv`, and a table for each species with sites as rows and days as columns (the detection
history of the package unmarked, `read.csv(..., check.names = FALSE)`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from finback.core.storage.csv_files import write_csv
from finback.core.storage.paths import file_name
from finback.core.text import printable
from finback.scan.effort import Coverage, Kind, heard_utc, joined, us_of
from finback.scan.effort_tables import seconds, utc
from finback.scan.found_events import FoundEvent, time_at
from finback.scan.presence import Presence, PresenceRow
from finback.scan.spans import ScannedFile

NA = "NA"


def species_columns(species: Sequence[str], fixed: Sequence[str]) -> list[str]:
    """Columns of values, then of counts; no two are the same, and none is one of the fixed columns."""
    names: list[str] = []
    for wanted in (*species, *(f"events: {name}" for name in species)):
        name = wanted
        while name in names or name in fixed:
            name += "_"
        names.append(name)
    return names


def write_presence(path: Path, presence: Presence, least_s: float, zone: str = "") -> None:
    """A row for each hour or day of each site."""
    is_hour = presence.bins.unit == "hour"
    fixed = ("site", "hour_utc", "effort_s") if is_hour else ("site", "day", "time_zone", "effort_s")
    header = [*fixed, *species_columns(presence.species, fixed)]
    rows = (
        [row.site, row.name, *([] if is_hour else [zone]), seconds(row.effort_us), *_values(row), *row.counts]
        for row in presence.rows(least_s)
    )
    write_csv(path, header, rows)


def _values(row: PresenceRow) -> list[object]:
    return [NA if value is None else value for value in row.values]


FILES = ("file", "site", "start_utc", "effort_s")


def file_row(
    file: ScannedFile,
    site: str,
    coverages: Sequence[Coverage],
    events: Sequence[FoundEvent],
    species: Sequence[str],
) -> list[object]:
    """One recording: the same values without any hour. Effort is what was analysed on any channel."""
    stretches = joined(s for coverage in coverages for s in coverage.analysed())
    effort = sum(us_of(stop, file.sample_rate) - us_of(start, file.sample_rate) for start, stop in stretches)
    counts = [sum(event.label == name for event in events) for name in species]
    values = [1 if n else 0 if effort else NA for n in counts]
    start = time_at(file, 0) if file.n_samples else file.start_time
    return [printable(file.path), site, utc(start), seconds(effort), *values, *counts]


def recorded_utc(coverages: Sequence[Coverage]) -> list[tuple[int, int]]:
    """When a file recorded, analysed or not; empty where its start is unknown."""
    whole = [
        Coverage(c.file, c.channel, c.edges[[0, -1]], c.kinds[:1] * 0 + Kind.ANALYSED)
        for c in coverages[:1]
        if len(c.kinds)
    ]
    return heard_utc(whole)


def write_occupancy(folder: Path, days: Presence, least_s: float) -> None:
    """`long.csv`, and a table of sites by days for each species."""
    rows = list(days.rows(least_s))
    species = days.species

    def long() -> Iterator[list[object]]:
        for row in rows:
            for name, value in zip(species, row.values, strict=True):
                yield [row.site, name, row.name, NA if value is None else value, seconds(row.effort_us)]

    write_csv(folder / "long.csv", ("site", "species", "day", "detected", "effort_s"), long())
    dates = sorted({row.name for row in rows})
    for i, name in enumerate(species):
        write_csv(folder / f"{file_name(name)}.csv", ("site", *dates), _wide(rows, dates, i))


def _wide(rows: Iterable[PresenceRow], dates: Sequence[str], i: int) -> Iterator[list[object]]:
    """A row for each site; NA on days of which it has no row."""
    of_site: dict[str, dict[str, object]] = {}
    for row in rows:
        of_site.setdefault(row.site, {})[row.name] = NA if row.values[i] is None else row.values[i]
    for site, values in of_site.items():
        yield [site, *(values.get(day, NA) for day in dates)]
