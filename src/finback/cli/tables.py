"""The command that makes the tables of a scan again, without the sound and without the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, progress, say
from finback.cli.event_options import EventOptions, ThresholdOptions
from finback.cli.options import Json, given, takes
from finback.cli.table_options import PLACES, TableOptions, with_last

if TYPE_CHECKING:
    from finback.scan.table_settings import TableSettings


@takes(options=TableOptions, events=EventOptions, limits=ThresholdOptions)
def tables(
    ctx: typer.Context,
    scan: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of finback scan.", show_default=False)
    ],
    options: TableOptions,
    events: EventOptions,
    limits: ThresholdOptions,
    run: Annotated[
        str | None,
        typer.Option(
            help="The run of the scan, for its thresholds (default: the one that the scan names).",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that measure boxes of events.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Another folder for the tables (default: DIR).", show_default=False),
    ] = None,
    defaults: Annotated[
        bool,
        typer.Option("--defaults", help="Do not take over the options that the tables were last made with."),
    ] = False,
    json: Json = False,
) -> None:
    """Make the tables of a scan from its journal: detections, effort, presence, selection tables.

    Neither the model nor its scores are computed again. The same journal and options give the same tables.
    Options that are not given are those that the tables in the folder were last made with.

    \b
    Example:
      finback tables scans/site --threshold 0.9
      finback tables scans/site --events hysteresis --format audacity,sqlite \\
        --out tables/strict
      finback tables scans/site --sites-by-folder --days-in America/New_York \\
        --least-effort 1800
    """
    from finback.scan.journal import Journal
    from finback.scan.tables import write_tables

    settings = options.settings(events, limits, run)
    journal = Journal.read(scan)
    if not defaults:
        settings = _with_last(settings, scan, folder, given(ctx, PLACES))
    for remark in journal.remarks:
        say(remark)
    target = folder or scan
    summary = write_tables(journal, target, settings, workers, progress)
    if json:
        out_json({"out": str(target), **summary.to_json()})
        return
    for line in summary.lines():
        out(line)
    out(f"tables: {target}")


def _with_last(settings: TableSettings, scan: Path, folder: Path | None, given: set[str]) -> TableSettings:
    """The settings with those of the last tables, where no option is given; says which."""
    from finback.core.errors import FinbackError
    from finback.scan.table_folder import last_settings

    try:
        last = (folder and last_settings(folder)) or last_settings(scan)
    except FinbackError as error:
        say(f"the options of the last tables are not known: {error.problem}")
        return settings
    if last is None:
        return settings
    settings, taken = with_last(settings, last, given)
    if taken:
        say(f"as in the last tables: {', '.join(taken)} (--defaults takes over none)")
    return settings
