"""A scan from end to end: inputs -> journal -> tables.

    import finback

    result = finback.scan("watkins", "site/", "out/site", workers=4, hop_s=1.0)
    result.outcome.heard_h, result.journal, result.out, result.summary.counts

The same call again goes on where an interrupted one stopped, and analyses new files. Several processes, also
on several machines, may run the same call at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from finback.audio.addresses import shown
from finback.audio.time_options import time_options
from finback.core.errors import InputError, SettingsError
from finback.core.progress import Log
from finback.core.settings import build
from finback.core.signals import held_signals
from finback.core.storage.csv_files import read_csv
from finback.core.storage.locks import only_writer
from finback.scan.claims import STALE_S, Claims
from finback.scan.engines.contract import Engine, Job
from finback.scan.engines.local import LocalEngine
from finback.scan.engines.ray import RayEngine, RayOptions
from finback.scan.engines.serial import SerialEngine
from finback.scan.files import Found, Lister, at_address, find
from finback.scan.header import NAME
from finback.scan.journal import Journal
from finback.scan.mutes import parsed_mutes
from finback.scan.outcome import Outcome, outcome_of
from finback.scan.pace import Pace
from finback.scan.settings import ScanSettings
from finback.scan.summary import Summary
from finback.scan.table_settings import TableSettings
from finback.scan.work import Work, WorkOptions

ENGINES = ("local", "ray")
TABLES_WAIT_S = 3600.0  # for another process that writes the tables


@dataclass(frozen=True)
class ScanOptions:
    """How a scan runs; nothing here changes a stored number."""

    engine: str = "local"  # or ray
    workers: int | None = None  # None: one for each core
    device: str = "cpu"
    span_minutes: float | None = None  # of sound in a unit of work; None: ten
    time_pattern: str | None = None  # form of the times in file names
    time_zone: str | None = None  # of times that state none
    wait: bool = True  # for units that other processes analyse
    stale_minutes: float = STALE_S / 60  # after which a silent process counts as gone
    tables: TableSettings = field(default_factory=TableSettings)
    stdin: Iterable[str] = ()  # the names for `-`
    lister: Lister = at_address  # of addresses
    log: Log = field(default=lambda text: None)
    progress: Callable[[Pace], None] = field(default=lambda pace: None)
    ray_address: str = ""  # of a Ray that runs; "": one is started on this machine
    num_gpus: float | None = None  # share of a GPU for each actor of Ray; None: 1 on a GPU


@dataclass(frozen=True, repr=False)
class Scan:
    """A finished scan: its folder, its journal, and how much was analysed."""

    out: Path
    journal: Journal
    outcome: Outcome
    summary: Summary  # of the tables

    @property
    def effort(self) -> list[dict[str, str]]:
        """The rows of `effort.csv`."""
        return read_csv(self.out / "effort.csv")

    @property
    def events(self) -> list[dict[str, str]]:
        """The rows of `events.csv`."""
        return read_csv(self.out / "events.csv")

    def __repr__(self) -> str:
        return "\n".join([f"Scan in {self.out}", *self.outcome.lines(self.out)])


def scan(
    model: str | Path, paths: str | Path | Sequence[str | Path], out: str | Path, **changes: Any
) -> Scan:
    """Scan recordings with a model, and write the journal and the tables into `out`.

    `model` is a run folder or the name of a bundled model; `paths` are as `scan/files.py` says. `changes` are
    fields of `ScanSettings` (`hop_s`, `channels`, `keep_embeddings`, `missing_band`) and of `ScanOptions`
    (`workers`, `device`, `time_zone`, ...).

    Raises `InputError` when there is nothing to scan, `RunError` when `out` holds a scan with other settings
    or there is no such model, `WriteError` when `out` cannot be written. A file that cannot be analysed is a
    row of `errors.csv`.
    """
    settings, options = split_changes(changes)
    found = found_in(paths, options)
    folder = Path(os.path.abspath(Path(out).expanduser()))
    check_out(folder)
    job = Job(name_of(model), options.device, str(folder), settings)
    with engine_for(job, options) as engine:
        if options.tables.mute is not None:
            parsed_mutes(Path(options.tables.mute), engine.header.labels)  # before hours of work
        journal = Journal.open(folder, engine.header)
        for remark in (*found.remarks, *journal.remarks):
            options.log(remark)
        work = _worked(engine, journal, found, options)
    return finished(journal, work, options)


def split_changes(changes: dict[str, Any]) -> tuple[ScanSettings, ScanOptions]:
    """Settings and options by name. Raises `SettingsError` for a name that neither has."""
    names = {f.name for f in fields(ScanOptions)}
    own = {name: value for name, value in changes.items() if name in names}
    settings = build(ScanSettings, {name: value for name, value in changes.items() if name not in names})
    options = ScanOptions(**own)
    if options.workers is not None and options.workers < 1:
        raise SettingsError(f"workers = {options.workers}", "give 1 or more")
    if options.engine not in ENGINES:
        raise SettingsError(f"no engine {options.engine}", "give one of " + ", ".join(ENGINES))
    if options.engine != "ray" and (options.ray_address or options.num_gpus is not None):
        raise SettingsError("ray_address and num_gpus are for Ray", "add --engine ray, or leave them out")
    if options.num_gpus is not None and not 0 <= options.num_gpus <= 64:
        raise SettingsError(f"num_gpus = {options.num_gpus:g}", "give 0 to 64, for example 0.5")
    return settings, options


def found_in(paths: str | Path | Sequence[str | Path], options: ScanOptions) -> Found:
    """The sound files that the paths name. Raises `InputError` when there is none."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    return find([os.fspath(path) for path in given], options.stdin, options.lister)


def check_out(out: Path) -> None:
    """Raises `InputError` when the folder holds something else than a scan."""
    if (out / NAME).exists():
        return
    others = [name for name in ("run.json", "events.csv", "effort.csv", "parts") if (out / name).exists()]
    if others:
        raise InputError(f"{out}: holds another {others[0]}, and no scan", "give another --out")


def engine_for(job: Job, options: ScanOptions) -> LocalEngine | SerialEngine | RayEngine:
    """The engine that was asked for, with so many workers."""
    if options.engine == "ray":
        how = RayOptions(options.workers, options.ray_address, options.num_gpus)
        return RayEngine(job, how, options.log)
    n = n_workers(options)
    return LocalEngine(job, n) if n > 1 else SerialEngine(job)


def n_workers(options: ScanOptions) -> int:
    """The workers that were asked for, else one for each core that this process may use."""
    if options.workers is not None:
        return options.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worked(engine: Engine, journal: Journal, found: Found, options: ScanOptions) -> Work:
    """Do what is left to do, as far as other processes do not."""
    times = time_options(options.time_pattern, options.time_zone)
    how = WorkOptions(options.span_minutes, times, options.wait, 60 * options.stale_minutes, options.log)
    # At any moment a signal finds either no claims, or a block that gives them back.
    with held_signals() as held, Claims(journal.folder, how.stale_s) as claims, held.released():
        work = Work(journal, claims, found, how)
        pace = Pace(work.tally)
        for done in engine.map(work.units()):
            work.take(done)
            options.progress(pace)
        options.progress(pace)
    return work


def finished(journal: Journal, work: Work, options: ScanOptions) -> Scan:
    """Write the tables, and say what happened to files since the last scan."""
    from finback.scan.tables import write_tables  # 90 MB, needed when the workers have ended

    tally = work.tally
    if tally.n_grown:
        options.log(f"{tally.n_grown:,} files grew since the last scan; what was analysed of them stays")
    if tally.n_changed:
        options.log(f"{tally.n_changed:,} files changed since the last scan and were analysed again")
    gone = {state.file.path for state in journal.files()} - {shown(path) for path in work.paths}
    if gone and (
        n := sum(bool(state.file.n_samples) for state in journal.files() if state.file.path in gone)
    ):
        options.log(f"{n:,} files of earlier scans are not among the inputs now; their results stay")
    if tally.n_elsewhere:
        options.log(f"{tally.n_elsewhere:,} units are left to other processes")
    with only_writer(journal.folder, TABLES_WAIT_S):
        journal.refresh()
        summary = write_tables(journal, journal.folder, options.tables, workers=n_workers(options))
    outcome = outcome_of(journal, summary, not tally.n_elsewhere)
    return Scan(journal.folder, journal, outcome, summary)


def name_of(model: str | Path) -> str:
    """A run folder by its absolute path, since workers may start elsewhere; a bundled model by its name."""
    path = Path(model).expanduser()
    return os.path.abspath(path) if path.exists() else str(model)
