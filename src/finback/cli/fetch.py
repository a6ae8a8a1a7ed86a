"""`finback fetch`: download public recordings with their labels."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.options import Json, takes

if TYPE_CHECKING:
    from finback.datasets.fetch.runner import Report, Request
    from finback.datasets.fetch.source import Source


BOUNDS = ("max_file_gb", "max_total_gb", "max_files", "max_ratio", "max_hours")


@dataclass(frozen=True)
class FetchOptions:
    """Which files of a source are fetched, to which folder, and how fast."""

    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the recordings (default: the name of the source).", show_default=False),
    ] = None
    species: Annotated[
        str | None, typer.Option(help="Only these species, separated by ';'.", show_default=False)
    ] = None
    limit: Annotated[
        int | None, typer.Option(help="Maximum number of files of each species.", min=1, show_default=False)
    ] = None
    rate: Annotated[
        float, typer.Option(help="Maximum number of requests per second, over all jobs.", max=10)
    ] = 1.0
    jobs: Annotated[
        int, typer.Option(help="Number of files that are fetched at the same time.", min=1, max=8)
    ] = 2
    url: Annotated[
        str | None,
        typer.Option(help="New address of the list of the source, if it has moved.", show_default=False),
    ] = None
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the files in the folder with the checksums in fetched.csv."),
    ] = False

    max_file_gb: Annotated[
        float, typer.Option(help="Largest file, in GB, where the source states no size.")
    ] = 5.0
    max_total_gb: Annotated[float, typer.Option(help="Largest sum of all files, in GB.")] = 100.0
    max_files: Annotated[int, typer.Option(help="Largest number of files in the list of a source.")] = 100_000
    max_ratio: Annotated[
        float, typer.Option(help="Largest file that was packed: its size, divided by its packed size.")
    ] = 100.0
    max_hours: Annotated[float, typer.Option(help="Longest time for one file, in hours.")] = 24.0

    def request(self, source: Source) -> Request:
        """The request for `finback.datasets.fetch.runner.fetch`."""
        from finback.core.settings import build
        from finback.datasets.fetch.runner import Request

        given = {f.name: getattr(self, f.name) for f in fields(self)}
        bounds = {name: given.pop(name) for name in BOUNDS}
        species = tuple(name.strip() for name in (self.species or "").split(";") if name.strip())
        folder = self.out or Path(source.name)
        return build(
            Request, {**given, "source": source, "out": folder, "species": species, "bounds": bounds}
        )


@takes(options=FetchOptions)
def fetch(
    options: FetchOptions,
    name: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="Name of a source, see --list.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="TOML file of your own source.", show_default=False)
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="I have read the licence and accept it: do not ask.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the sources, then stop.")] = False,
    json: Json = False,
) -> None:
    """Fetch public recordings, with their labels.

    The licence is shown first. The same command fetches missing files later.

    \b
    Example:
      finback fetch --list
      finback fetch watkins --species "Killer whale;Walrus" --limit 20
    """
    from finback.core.errors import InputError
    from finback.datasets.fetch.source import ByHand, load

    if list_:
        _list(json)
        return
    if (name is None) == (source is None):
        repair = "write finback fetch watkins, or --source FILE.toml; finback fetch --list shows the names"
        raise InputError("name one source, and only one", repair)
    chosen = load(name or source or "")
    if isinstance(chosen.listing, ByHand):
        _by_hand(chosen, chosen.listing.steps, json)
        raise typer.Exit(2)
    from finback.datasets.fetch.runner import fetch

    request = options.request(chosen)
    _accept(chosen, request.out, accept_licence)
    started = time.monotonic()
    report = fetch(request, progress, say)
    _show(report, chosen, time.monotonic() - started, json)
    if report.failed:
        raise typer.Exit(1)


def _list(json: bool) -> None:
    from finback.datasets.fetch.source import load, names

    sources = [load(name) for name in names()]
    if json:
        keys = ("title", "homepage", "licence", "size", "untried")
        out_json({s.name: {**{k: getattr(s, k) for k in keys}, "kind": s.listing.kind} for s in sources})
        return
    rows = [(s.name, s.title, s.size, s.licence, s.listing.kind) for s in sources]
    out_table(("source", "recordings", "size", "licence", "kind"), rows)


def _by_hand(source: Source, steps: Sequence[str], json: bool) -> None:
    from finback.datasets.fetch.tables import terms

    if json:
        out_json({"source": source.name, "licence": source.licence, "steps": list(steps)})
        return
    say(terms(source))
    out(f"{source.name}: finback cannot fetch these recordings. Instead:")
    for i, step in enumerate(steps, 1):
        out(f"  {i}. {step}")


def _accept(source: Source, folder: Path, yes: bool) -> None:
    """Show the licence, and ask the user to accept it before the first request."""
    from finback.core.errors import InputError
    from finback.datasets.fetch import tables

    if tables.accepted(folder, source):
        say(f"licence: {source.licence} (accepted: {tables.licence_path(folder, source)})")
        return
    say(tables.terms(source))
    if source.untried:
        say(f"Not tested by the authors of finback: {source.untried}.\n")
    if not yes and not sys.stdin.isatty():
        raise InputError("the licence was not accepted", "read it above, and add --accept-licence")
    if not yes and not typer.confirm("Do you accept these terms?", err=True):
        raise InputError("the licence was not accepted, so nothing was fetched", "")
    tables.accept(folder, source)


def _show(report: Report, source: Source, seconds: float, json: bool) -> None:
    from finback.datasets.fetch.runner import AUDIO
    from finback.datasets.fetch.tables import FAILED, FETCHED, LABELS

    audio, labels = report.out / AUDIO, report.out / LABELS
    words = ["finback", "run", "--audio", str(audio), "--labels", str(labels)]
    words += [] if source.index_as == "auto" else ["--source", source.index_as]
    following = shlex.join([*words, "--out", f"runs/{source.name}"])
    if json:
        out_json(
            {
                "source": source.name,
                "licence": source.licence,
                "audio": str(audio),
                "labels": str(labels),
                "fetched": str(report.out / FETCHED),
                "n_listed": report.listed,
                "n_had": report.had,
                "n_new": report.new,
                "bytes": report.bytes,
                "seconds": round(seconds, 3),
                "n_rows": report.rows,
                "failed": [{"file": file, "why": why} for file, why in report.failed],
                "notes": report.notes,
                "next": following,
            }
        )
        return
    for note in report.notes:
        out(f"note: {note}")
    for file, why in report.failed[:20]:
        out(f"not fetched: {file}: {why}")
    if len(report.failed) > 20:
        out(f"... and {len(report.failed) - 20} more, see {report.out / FAILED}")
    out(
        f"{report.new} files fetched ({report.bytes / 1e6:.1f} MB), {report.had} were in the folder before, "
        f"{len(report.failed)} could not be fetched; {labels} has {report.rows} rows"
    )
    if report.rows:
        out(f"next: {following}")
