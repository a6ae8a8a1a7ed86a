"""A PARS submission (NOAA) from a scan: effort from its journal, detections from its events.csv.

    result = report(journal, tables, read_deployment(path), out, ReportSettings(by="day"))
    result.n_rows, result.unverified, result.notes

The detections are those of the tables, so the report says what the tables say. A table of reviewed events
makes DETECTED of POSSIBLY_DETECTED (`data/formats/pars/write.py`). It has the columns of events.csv, and
`valid`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Literal

from finback.audio.time_options import zone_of
from finback.core.errors import InputError
from finback.core.settings import Frozen
from finback.core.text import means_no_call
from finback.data.formats.fields import COLUMNS
from finback.data.formats.pars.deployment import Deployment
from finback.data.formats.pars.write import Interval, stamp, whole_second_after, write_pars
from finback.data.formats.values import moment
from finback.data.tables import Row, Table, read_table
from finback.scan.effort import MICRO, heard_utc, microseconds, moment_at, timed_segments, us_of
from finback.scan.journal import Journal
from finback.scan.presence import Detection, Presence, days, utc_hours
from finback.scan.presence_tables import recorded_utc
from finback.scan.spans import ScannedFile
from finback.scan.walk import walk

EVENTS = "events.csv"
YES = frozenset(("yes", "y", "true", "t", "1", "valid", "confirmed", "correct"))
NO = frozenset(("no", "n", "false", "f", "0", "invalid", "refused", "wrong"))
CLOCK_US = MICRO  # clocks of recorders are read to the second


class ReportSettings(Frozen):
    """How a report is made."""

    by: Literal["day", "hour"] = "day"
    days_in: str = "UTC"


@dataclass(frozen=True)
class Report:
    """A submission that was written and checked."""

    n_rows: int
    effort_h: float
    results: Mapping[str, int]  # positive intervals by class
    unverified: tuple[str, ...]
    notes: tuple[str, ...]


def report(
    journal: Journal,
    tables: Path,
    deployment: Deployment,
    out: Path,
    settings: ReportSettings | None = None,
    review: Path | None = None,
) -> Report:
    """Write the files of a submission into the new folder `out`; `tables` is the folder of events.csv.

    Raises `InputError` when start times are unknown, when a class is not one of the model, or when the
    deployment lacks a value; `RunError` when `out` is not empty.
    """
    settings = settings or ReportSettings()
    zone = zone_of(settings.days_in if settings.by == "day" else "UTC")
    _check_species(journal, deployment)
    bins = utc_hours() if settings.by == "hour" else days(zone)
    presences = [Presence(bins, list(deployment.species)) for _ in range(3)]
    recorded, files = _add_effort(journal, deployment, presences[0])
    notes = _unfinished(journal, files)
    for events, presence in zip(_events(tables, deployment, review), presences, strict=True):
        presence.add("", [], [], events)
    intervals = list(_intervals(presences))
    from_scan = _from_scan(journal, files, recorded, zone)
    checked = write_pars(
        out, deployment, from_scan, intervals, zone if settings.by == "day" else zone_of("UTC")
    )
    others = sorted(
        name for name in journal.labels.names if name not in deployment.species and not means_no_call(name)
    )
    if others:
        notes.append(f"classes without codes in {deployment.path} are left out: {'; '.join(others)}")
    found = Counter(name for i in intervals for name in deployment.species if i.found.get(name))
    effort_h = sum(i.effort_secs for i in intervals) / 3600
    n_rows = checked.n_rows["detectiondata.csv"]
    return Report(n_rows, effort_h, dict(found), tuple(checked.unverified), tuple(notes))


def _check_species(journal: Journal, deployment: Deployment) -> None:
    for name in deployment.species:
        if name not in journal.labels:
            what = f'{deployment.path}: [species."{name}"]: the model has no such class'
            raise InputError(what, "it has: " + "; ".join(journal.labels.names))


def _is_of(path: str, deployment: Deployment) -> bool:
    return not deployment.folder or deployment.folder in path.replace("\\", "/").split("/")[:-1]


def _add_effort(
    journal: Journal, deployment: Deployment, presence: Presence
) -> tuple[list[tuple[int, int]], list[ScannedFile]]:
    """When the deployment recorded, and its files; fills the effort of the presence."""
    recorded: list[tuple[int, int]] = []
    files: list[ScannedFile] = []
    untimed: list[str] = []
    for walked in walk(journal):
        file = walked.state.file
        if not _is_of(file.path, deployment) or not file.n_samples:
            continue
        files.append(file)
        own = recorded_utc(walked.coverages)
        if not own:
            untimed.append(file.path)
        recorded += own
        presence.add("", own, heard_utc(walked.coverages), [])
    if untimed:
        what = f"{len(untimed):,} of {len(files):,} recordings have no start time, for example {untimed[0]}"
        raise InputError(what, "scan again with --time-pattern or --time-zone: PARS needs UTC")
    if not files:
        where = f" in a folder '{deployment.folder}'" if deployment.folder else ""
        raise InputError(f"{journal.folder}: no recording{where}", f"check folder = in {deployment.path}")
    return recorded, files


def _unfinished(journal: Journal, files: Sequence[ScannedFile]) -> list[str]:
    missing = len({p.file.path for p in journal.errors()} & {file.path for file in files})
    return [f"{missing:,} recordings could not be analysed in full: see errors.csv"] if missing else []


def _events(
    tables: Path, deployment: Deployment, review: Path | None
) -> tuple[list[Detection], list[Detection], list[Detection]]:
    """The detections, those that a person confirmed, and those that a person refused."""
    path = tables / EVENTS
    if not path.is_file():
        raise InputError(f"{tables}: no {EVENTS}", f"finback tables {tables} writes it")
    found = [event for event, _, _ in _rows(path, deployment)]
    confirmed: list[Detection] = []
    refused: list[Detection] = []
    for event, row, table in _rows(review, deployment) if review else ():
        column = table.find("valid", "validated")
        if column is None:
            raise InputError(
                f"{review}: no column 'valid' (it has: {table.columns})", "write yes or no there"
            )
        word = row.get(column).strip().lower()
        if word and word not in YES | NO:
            what = f"{review} (row {row.number}): column 'valid': '{word[:40]}' is neither yes nor no"
            raise InputError(what, "write yes, no, or leave it empty")
        if word:
            (confirmed if word in YES else refused).append(event)
    return found, confirmed, refused


def _rows(path: Path, deployment: Deployment) -> Iterator[tuple[Detection, Row, Table]]:
    """The events of a table, of this deployment and its classes. Raises `InputError` for a wrong table."""
    table = read_table(path, "table of events")
    if not table.rows and set(COLUMNS) <= set(table.header):
        return
    columns = {name: table.find(name) for name in ("file", "species", "start_utc", "end_utc")}
    if None in columns.values():
        missing = ", ".join(name for name, at in columns.items() if at is None)
        raise InputError(
            f"{path}: no column {missing} (it has: {table.columns})", f"keep the columns of {EVENTS}"
        )
    for row in table.rows:
        cell = {name: row.get(at) for name, at in columns.items()}
        if cell["species"] not in deployment.species or not _is_of(cell["file"], deployment):
            continue
        try:
            start, stop = moment(cell["start_utc"]), moment(cell["end_utc"])
        except ValueError as error:
            raise InputError(f"{path} (row {row.number}): {error}", "keep the times of events.csv") from None
        if start is None or stop is None:
            what = f"{path} (row {row.number}): an event without a time in UTC"
            raise InputError(what, "scan again with --time-pattern or --time-zone")
        yield Detection(cell["species"], microseconds(start), microseconds(stop)), row, table


def _intervals(presences: Sequence[Presence]) -> Iterator[Interval]:
    """The intervals with effort and events, and what a person said of the events."""
    species = presences[0].species
    said = [{row.number: row for row in presence.rows()} for presence in presences[1:]]
    for row in presences[0].rows():
        counts = [dict(zip(species, row.counts, strict=True))]
        for rows in said:
            own = rows.get(row.number)
            counts.append(dict(zip(species, own.counts, strict=True)) if own else {})
        yield Interval(moment_at(row.start), moment_at(row.stop), row.effort_us / MICRO, *counts)


def _from_scan(
    journal: Journal, files: Sequence[ScannedFile], recorded: Sequence[tuple[int, int]], zone: tzinfo
) -> dict[str, str]:
    """Values by PARS field that follow from the recordings and the model, as far as they are one value."""
    header = journal.header
    rates, channels = {file.sample_rate for file in files}, {file.n_channels for file in files}
    ends = (moment_at(min(a for a, _ in recorded)), moment_at(max(b for _, b in recorded)))
    values = {
        "monitoring_start_datetime": stamp(ends[0], zone),
        "monitoring_end_datetime": stamp(whole_second_after(ends[1]), zone),
        "analysis_sample_rate_khz": _khz(header.sample_rate),
        "analysis_max_frequency_khz": _khz(min(header.top_hz, min(rates) / 2)),
    }
    if len(rates) == 1:
        values["recording_sample_rate_khz"] = _khz(rates.pop())
    if len(channels) == 1:
        values["recording_n_channels"] = str(channels.pop())
    duty = duty_cycle(files)
    if duty is not None:
        values["recording_duration_secs"], values["recording_interval_secs"] = (f"{s:g}" for s in duty)
    return values


def duty_cycle(files: Iterable[ScannedFile]) -> tuple[float, float] | None:
    """(seconds of recording, seconds from one start to the next) that most stretches of recording have.

    Where stretches follow each other within a second the recorder never sleeps, and both are the length of a
    stretch as it is stored. None: there are less than two stretches.
    """
    stretches = []
    for file in files:
        for first, last, us in timed_segments(file):
            if us is not None:
                stretches.append((us, us_of(last - first, file.sample_rate)))
    stretches = sorted(set(stretches))
    if len(stretches) < 2:
        return None
    starts = [us for us, _ in stretches]
    length = Counter(round(us / MICRO) for _, us in stretches).most_common(1)[0][0]
    steps = Counter(round((b - a) / MICRO) for a, b in pairwise(starts))
    step = steps.most_common(1)[0][0]
    return (float(length), float(length if abs(step - length) <= CLOCK_US // MICRO else step))


def _khz(hz: float) -> str:
    return f"{hz / 1000:.6f}".rstrip("0").rstrip(".")
