"""The command that turns a table of events into a table of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, say
from finback.cli.options import Json, OldOut, StartTimeOptions, one_output, takes
from finback.core.text import counted

if TYPE_CHECKING:
    from finback.data.formats.convert import Converted

MOST = 20  # problems that are shown


@takes(times=StartTimeOptions)
def convert(
    times: StartTimeOptions,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="A table of events or labels, or a folder of tables.", show_default=False
        ),
    ],
    target: OldOut = None,
    out_path: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="A new file; without a suffix, a new folder with a table for each recording.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format to write: raven, audacity, kaleidoscope, csv, jsonl, parquet, sqlite (default: by "
            "the suffix of --out).",
            show_default=False,
        ),
    ] = None,
    of: Annotated[
        str, typer.Option("--from", help="Format of IN, if it is not recognised by its content.")
    ] = "auto",
    label_column: Annotated[
        str | None, typer.Option(help="The column of IN with the labels.", show_default=False)
    ] = None,
    label: Annotated[str, typer.Option(help="The label of events without one.", show_default=False)] = "",
    audio: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the recordings: events get full paths and UTC times, Raven times in a sequence.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Convert a table of events or labels: Raven, Audacity, Kaleidoscope, CSV, JSON lines, Parquet, SQLite.

    \b
    Example:
      finback convert dive3.selections.txt --out dive3.csv
      finback convert birdnet.csv --out labels --format audacity
    """
    target = one_output(out_path, target, "the new file or folder")
    from finback.audio.time_options import time_options
    from finback.data.formats.convert import convert as convert_table

    options = time_options(times.time_pattern, times.time_zone)
    done = convert_table(table, target, to, of, label_column, label, audio, options)
    if json:
        out_json(done.as_dict())
    else:
        _show(done, target)


def _show(done: Converted, target: Path) -> None:
    for problem in done.problems[:MOST]:
        say(f"  {problem}")
    if len(done.problems) > MOST:
        say(f"  ... and {len(done.problems) - MOST} more (--json lists all)")
    events, recordings = counted(len(done.events), "event"), counted(done.n_recordings, "recording")
    out(f"{events} of {recordings}, read as {', '.join(done.read)}")
    if done.lost:
        out(f"not written, since {done.format} does not hold it: {', '.join(done.lost)}")
    out(f"written: {target} ({done.format}, {counted(len(done.written), 'table')})")
