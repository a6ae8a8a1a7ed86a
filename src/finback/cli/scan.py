"""The command that scans recordings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import ERR, out, out_json, out_table, say
from finback.cli.event_options import EventOptions, ThresholdOptions
from finback.cli.options import Device, DryRun, Json, StartTimeOptions, takes
from finback.cli.table_options import TableOptions

if TYPE_CHECKING:
    from finback.scan.pace import Pace
    from finback.scan.scan import Scan


@dataclass(frozen=True, kw_only=True)
class AnalysisOptions:
    """Options that change the stored scores."""

    hop: Annotated[
        float | None,
        typer.Option(
            help="Seconds between the starts of two windows (default: half of the model's window).",
            show_default=False,
        ),
    ] = None
    channels: Annotated[
        str, typer.Option(help="mean: the mean of all channels; each: every channel; or one, from 0.")
    ] = "mean"
    keep: Annotated[
        str | None,
        typer.Option(help="embeddings: also store the embedding of each window.", show_default=False),
    ] = None
    missing_band: Annotated[
        str,
        typer.Option(help="A file whose sound ends below half of the model's band: skip it, or analyse it."),
    ] = "skip"


@dataclass(frozen=True, kw_only=True)
class RunningOptions:
    """Options that change how the work is done."""

    engine: Annotated[
        str, typer.Option(help="local: processes on this machine; ray: actors of Ray, also on a cluster.")
    ] = "local"
    ray_address: Annotated[
        str, typer.Option(help="A Ray that runs: auto, host:port or ray://host:10001.", show_default=False)
    ] = ""
    num_gpus: Annotated[
        float | None,
        typer.Option(help="Share of a GPU for each actor of Ray, for example 0.25.", show_default=False),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that analyse (default: one for each core).", show_default=False),
    ] = None
    span_minutes: Annotated[
        float | None,
        typer.Option(
            help="Minutes of sound in a unit of work (default: 10, more for very large archives).",
            show_default=False,
        ),
    ] = None
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait for units that other processes analyse.")
    ] = False
    stale_minutes: Annotated[
        float, typer.Option(help="A process on another machine that is silent for longer counts as ended.")
    ] = 3.0


@takes(
    analysis=AnalysisOptions,
    running=RunningOptions,
    times=StartTimeOptions,
    tables=TableOptions,
    events=EventOptions,
    limits=ThresholdOptions,
)
def scan(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A run folder or a bundled model.", show_default=False),
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Sound files, folders, wildcards, lists of names (@names.txt), or - for names on stdin.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option("--out", help="The folder to write.", show_default=False)],
    analysis: AnalysisOptions,
    running: RunningOptions,
    times: StartTimeOptions,
    tables: TableOptions,
    events: EventOptions,
    limits: ThresholdOptions,
    device: Device = "cpu",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Scan long recordings and archives for the species of a model.

    The results are kept in a journal in the folder of --out, span by span. The same command again goes on
    where an interrupted one stopped, and analyses new files. Several machines that share the folder may run
    the same command at the same time.

    \b
    Example:
      finback scan watkins site/ --out scans/site
      finback scan runs/mine site/*.flac --out scans/site --workers 4 --hop 1
      finback scan watkins site/ --out scans/site --dry-run
    """
    if not dry_run:
        _start_early(running)
    from finback.cli.licences import say_licences_of
    from finback.models.pretrained import resolve
    from finback.scan.scan import scan as scanned

    say_licences_of(resolve(model, "classifier"))
    changes = _changes(analysis, running, times)
    changes |= {"device": device, "tables": tables.settings(events, limits), "stdin": sys.stdin, "log": say}
    if dry_run:
        _show_plan(model, paths, folder, changes, json)
        return
    with progress_in_hours() as progress:
        result = scanned(model, paths, folder, **changes, progress=progress)
    if json:
        out_json({"out": str(folder), **result.outcome.to_json()})
        for line in result.outcome.problems:
            say(f"finback: {line}")
    else:
        _show(result, folder)
    if result.outcome.code:
        raise SystemExit(result.outcome.code)


def _start_early(running: RunningOptions) -> None:
    """Let the server of the workers import torch, which takes longer than all checks of the scan."""
    from finback.core.processes import start_server
    from finback.scan.engines import PRELOADED

    if running.engine == "local" and (running.workers or os.cpu_count() or 1) > 1:
        start_server(PRELOADED)


def _changes(analysis: AnalysisOptions, running: RunningOptions, times: StartTimeOptions) -> dict[str, Any]:
    """The options as `finback.scan` takes them."""
    from finback.core.errors import InputError

    if analysis.keep not in (None, "embeddings"):
        raise InputError(f"--keep {analysis.keep}: cannot be kept", "give --keep embeddings")
    if analysis.missing_band not in ("skip", "analyse"):
        raise InputError(f"--missing-band {analysis.missing_band}", "give skip or analyse")
    channels: str | int = analysis.channels
    if analysis.channels not in ("mean", "each"):
        if not analysis.channels.isdecimal() or int(analysis.channels) > 65_535:
            raise InputError(f"--channels {analysis.channels}", "give mean, each, or a number from 0")
        channels = int(analysis.channels)
    given = asdict(running)
    return {
        "hop_s": analysis.hop,
        "channels": channels,
        "keep_embeddings": analysis.keep is not None,
        "missing_band": analysis.missing_band,
        "wait": not given.pop("no_wait"),
        **given,
        **asdict(times),
    }


def _show(result: Scan, folder: Path) -> None:
    for line in result.outcome.lines(folder):
        out(line)
    out(f"tables: {folder} (finback tables makes them again with other thresholds, formats or sites)")


def _show_plan(model: str, paths: list[str], folder: Path, changes: dict[str, Any], json: bool) -> None:
    from finback.scan.dry_run import dry_run

    plan = dry_run(model, paths, folder, **changes)
    if json:
        out_json(plan.to_json())
    else:
        out_table(("what", "value"), plan.rows())


@contextmanager
def progress_in_hours() -> Iterator[Callable[[Pace], None]]:
    """Shows the hours: a bar on a terminal, else a line now and then."""
    from finback.core import bars

    if ERR.is_terminal:
        with bars.hours_bar(ERR) as drawn:
            task = drawn.add_task("scanning", total=None, text="")

            def draw(pace: Pace) -> None:
                total = pace.known_h if pace.tally.are_all_known else None
                drawn.update(task, completed=pace.done_h, total=total, text=pace.text())

            yield draw
        return
    logged, last, shown = time.monotonic(), None, None

    def line(pace: Pace) -> None:
        nonlocal logged, last, shown
        last = pace.text()
        if time.monotonic() - logged >= bars.LOG_EVERY_S:
            logged, shown = time.monotonic(), last
            say(f"scanning: {last}")

    yield line
    if shown and last != shown:
        say(f"scanning: {last}")
