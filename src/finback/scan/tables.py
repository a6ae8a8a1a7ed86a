"""All tables of a scan, made from its journal in one step that can be repeated.

    summary = write_tables(journal, journal.folder, TableSettings())
    summary.lines()

    events.csv            a row for each detection
    raven/*.selections.txt   a selection table for each recording that was analysed, and all.selections.txt
    effort.csv            a row for each recording and channel; effort-hours.csv for each hour of it
    presence-hours.csv    1, 0 or NA for each species, hour and site; presence-days.csv, presence-files.csv
    errors.csv            what could not be analysed, and why
    summary.txt           the same in sentences: hours analysed, detections, what is missing
    tables.json           the settings of this step

The same journal and settings give the same bytes. Tables of other formats and `occupancy/` are written on
demand. All tables are written to hidden names first and then shown together (`scan/table_folder.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finback.audio.time_options import zone_of
from finback.core.errors import InputError, SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.storage.csv_files import csv_rows
from finback.core.storage.files import write_atomic
from finback.core.text import printable
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.load import load_format
from finback.data.formats.write import write_events
from finback.models.thresholds import Thresholds
from finback.scan.detections import Detections, detections
from finback.scan.effort import Counts, Kind, heard_utc, microseconds, total_us
from finback.scan.effort_tables import EFFORT, ERRORS, HOURS, effort_row, error_rows, hour_rows
from finback.scan.found_events import FoundEvent
from finback.scan.journal import Journal
from finback.scan.machines import find_machines
from finback.scan.mutes import read_mutes
from finback.scan.presence import Detection, Presence, days, site_names, utc_hours
from finback.scan.presence_tables import (
    FILES,
    file_row,
    recorded_utc,
    species_columns,
    write_occupancy,
    write_presence,
)
from finback.scan.spans import ScannedFile
from finback.scan.summary import Summary
from finback.scan.table_folder import check_tables_folder, new_tables
from finback.scan.table_settings import TableSettings
from finback.scan.threshold_choice import chosen
from finback.scan.walk import HeardFile, walk

NO_BACKGROUND = (
    "the model has no class for sound without calls, so noise gets the name of a species too; "
    "name such a class with --background, or label some sound as background and train with it"
)


def write_tables(
    journal: Journal,
    out: Path,
    settings: TableSettings | None = None,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Summary:
    """Write all tables into a folder; `workers` processes measure boxes.

    Raises `SettingsError` for a wrong zone or class, `InputError` when `out` holds other tables, `LockError`
    when another process writes there, `WriteError`. What was there before then stays as it was.
    """
    settings = settings or TableSettings()
    try:
        zone = zone_of(settings.days_in)
    except InputError as error:
        raise SettingsError(error.problem.replace("--time-zone", "--days-in", 1), error.repair) from None
    check_tables_folder(Path(out))
    found, thresholds = table_detections(journal, settings, workers, progress)
    machines = find_machines(journal, found.events, sites_of(journal, settings))
    hints = [f"perhaps a machine: {one.note()}; see finback machines" for one in machines]
    if found.events and len(found.called) == len(journal.labels.names) > 1:
        hints.append(NO_BACKGROUND)
    found = replace(found, notes=(*found.notes, *hints))
    step = _Step(journal, settings, found)
    step.hours, step.days = Presence(utc_hours(), found.called), Presence(days(zone), found.called)
    with new_tables(Path(out), _about(journal, settings, thresholds)) as (hidden, notes):
        for walked in _written_effort(step, hidden, progress):
            step.add(walked)
        write_presence(hidden / "presence-hours.csv", step.hours, settings.least_effort_s)
        write_presence(hidden / "presence-days.csv", step.days, settings.least_effort_s, settings.days_in)
        if settings.occupancy:
            write_occupancy(hidden / "occupancy", step.days, settings.least_effort_s)
        _write_events(hidden, step)
        summary = step.summary()
        write_atomic(hidden / "summary.txt", "\n".join(summary.lines()) + "\n")
    return replace(summary, notes=(*summary.notes, *notes))


def table_detections(
    journal: Journal, settings: TableSettings, workers: int = 1, progress: Progress = no_progress
) -> tuple[Detections, Thresholds]:
    """The detections that tables of these settings hold, and their thresholds; errors as `write_tables`."""
    site = sites_of(journal, settings)
    mutes = None
    if settings.mute is not None:
        paths = [state.file.path for state in journal.files()]
        mutes = read_mutes(Path(settings.mute), journal.labels.names, paths, site)
    events, thresholds = chosen(journal, settings.events, settings.thresholds)
    found = detections(journal, events, thresholds, workers, progress, mutes)
    return replace(found, notes=(*thresholds.notes, *found.notes)), thresholds


def sites_of(journal: Journal, settings: TableSettings) -> Callable[[str], str]:
    """The site of a path, as tables show it."""
    paths = [state.file.path for state in journal.files()]
    own = site_names(paths, settings.site, settings.sites_by_folder)
    return lambda path: printable(own(path))


@dataclass
class _Step:
    """What one pass over the files gathers."""

    journal: Journal
    settings: TableSettings
    found: Detections
    hours: Presence = field(init=False)
    days: Presence = field(init=False)
    sounds: list[ScannedFile] = field(default_factory=list)
    totals: Counts | None = None
    n_files: int = 0
    n_unreadable: int = 0
    n_untimed: int = 0
    sites: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._site = sites_of(self.journal, self.settings)
        self._events: Mapping[str, list[FoundEvent]] = _by_file(self.found.events)

    def site(self, walked: HeardFile) -> str:
        return self._site(walked.state.file.path)

    def events(self, walked: HeardFile) -> list[FoundEvent]:
        return self._events.get(walked.state.file.path, [])

    def add(self, walked: HeardFile) -> None:
        """Count a file, and add it to the presence of its site."""
        file, site = walked.state.file, self.site(walked)
        self.n_files += 1
        self.n_unreadable += bool(walked.state.reason) and not walked.state.was_skipped
        us = sum((total_us(coverage) for coverage in walked.coverages), 0 * total_us(walked.coverages[0]))
        self.totals = us if self.totals is None else self.totals + us
        if walked.was_heard:
            self.sounds.append(replace(file, path=printable(file.path)))
            self.sites.add(site)
        recorded = recorded_utc(walked.coverages)
        if not recorded:
            self.n_untimed += walked.was_heard
            return
        detections = [d for event in self.events(walked) if (d := _detection(event))]
        analysed = heard_utc(walked.coverages)
        for presence in (self.hours, self.days):
            presence.add(site, recorded, analysed, detections)

    def summary(self) -> Summary:
        counts = dict.fromkeys(self.found.called, 0)
        for event in self.found.events:
            counts[event.label] += 1
        left_out = sum(self.days.left_out.values())
        notes = list(self.found.notes)
        if left_out:
            notes.append(
                f"the presence tables have no rows for {left_out:,} days between recordings that are more "
                "than a year apart"
            )
        us = {kind: 0 if self.totals is None else int(self.totals[kind]) for kind in Kind}
        numbers = (self.n_files, len(self.sounds), self.n_unreadable, self.n_untimed)
        return Summary(us, *numbers, tuple(sorted(self.sites)), counts, tuple(notes))


def _written_effort(step: _Step, hidden: Path, progress: Progress) -> Iterable[HeardFile]:
    """All files, whose effort and errors are written while they pass."""
    species = step.found.called
    with ExitStack() as stack:
        tables = {"effort.csv": EFFORT, "effort-hours.csv": HOURS, "errors.csv": ERRORS}
        tables["presence-files.csv"] = (*FILES, *species_columns(species, FILES))
        write = {n: stack.enter_context(csv_rows(hidden / n, header)) for n, header in tables.items()}
        for walked in progress(walk(step.journal), "tables", len(step.journal.files())):
            state, site = walked.state, step.site(walked)
            for coverage in walked.coverages:
                write["effort.csv"](effort_row(state, site, coverage))
                for row in hour_rows(state, site, coverage):
                    write["effort-hours.csv"](row)
            for row in error_rows(walked.problems):
                write["errors.csv"](row)
            own = step.events(walked)
            write["presence-files.csv"](file_row(state.file, site, walked.coverages, own, species))
            yield walked


def _write_events(hidden: Path, step: _Step) -> None:
    """The detections in each format: a folder for a format of one table a recording, else one table."""
    events = _Rows(step.found.events)
    for name in step.settings.formats:
        info, module = load_format(name)
        if "recording" in info.tables:
            write_events(name, hidden / name, events, step.sounds)
        else:
            is_alone = sum(f.suffix == info.suffix for f in FORMATS.values() if f.writes) == 1
            own = "events" if is_alone or name == "csv" else f"events.{name}"
            module.write(hidden / f"{own}{info.suffix}", events, step.sounds)


class _Rows(Sequence[Event]):
    """The detections as tables have them, each made when it is written."""

    def __init__(self, events: Sequence[FoundEvent]) -> None:
        self._events = events
        self._names = {path: printable(path) for path in {event.file.path for event in events}}

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, index: Any) -> Any:
        event = self._events[index]
        if isinstance(event, FoundEvent):
            return event.to_event(self._names[event.file.path])
        return [one.to_event(self._names[one.file.path]) for one in event]


def _detection(event: FoundEvent) -> Detection | None:
    placed = event.to_event()
    if placed.start_time is None or placed.stop_time is None:
        return None
    return Detection(event.label, microseconds(placed.start_time), microseconds(placed.stop_time))


def _by_file(events: Iterable[FoundEvent]) -> dict[str, list[FoundEvent]]:
    found: dict[str, list[FoundEvent]] = defaultdict(list)
    for event in events:
        found[event.file.path].append(event)
    return found


def _about(journal: Journal, settings: TableSettings, thresholds: Thresholds) -> dict[str, Any]:
    """What `tables.json` says of the step."""
    labels = thresholds.labels
    return {
        "model": journal.header.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "thresholds": dict(zip(labels, thresholds.values, strict=True)),
        "thresholds_of_sites": {
            site: {labels[k]: value for k, value in own.items()} for site, own in thresholds.sites.items()
        },
    }
