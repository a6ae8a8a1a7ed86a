"""The command that looks for hard negatives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, out_table, say
from finback.cli.options import Device, Json
from finback.cli.scan import progress_in_hours

if TYPE_CHECKING:
    from finback.scan.negatives import Negatives

SHOWN = 20  # clusters in the table on the screen


def mine(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder or a bundled model.", show_default=False)
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Recordings that hold no calls, as for finback scan.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option("--out", help="The folder to write.", show_default=False)],
    label: Annotated[str, typer.Option(help="The label of the windows.")] = "background",
    clusters: Annotated[int, typer.Option(help="Number of kinds of sound that are told apart.")] = 50,
    per_cluster: Annotated[int, typer.Option(help="Most windows that are taken of one kind.")] = 10,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that analyse (default: one for each core).", show_default=False),
    ] = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Find sounds without calls that a model takes for calls, and write them as labels to train with.

    Scans recordings that are known to hold no calls, clusters the windows by their embeddings, and takes
    those with the highest scores of each cluster.

    \b
    Example:
      finback mine runs/mine quiet/ --out negatives
    """
    from finback.cli.licences import say_licences_of
    from finback.models.pretrained import resolve
    from finback.scan.negatives import find_negatives

    say_licences_of(resolve(model, "classifier"))
    options = {"workers": workers, "device": device, "log": say}
    with progress_in_hours() as progress:
        result = find_negatives(
            model, paths, folder, label, clusters, per_cluster, progress=progress, **options
        )
    for line in result.outcome.problems:
        say(line)
    if json:
        out_json(result.to_json())
    else:
        _show(result)
    if result.outcome.code:  # some recordings could not be analysed
        raise SystemExit(result.outcome.code)


def _show(result: Negatives) -> None:
    from finback.core.text import counted
    from finback.scan.negatives import CLUSTERS
    from finback.scan.summary import hours

    out_table(CLUSTERS, result.cluster_rows()[:SHOWN])
    mining, total = result.mining, hours(result.outcome.heard_h)
    kinds = f"{counted(len(mining.windows), 'window')} of {counted(len(mining.clusters), 'cluster')}"
    out(f"{kinds}, out of {counted(mining.n_windows, 'window')} in {total}")
    out(str(result.labels))
