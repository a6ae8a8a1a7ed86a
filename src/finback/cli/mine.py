"""The command that looks for hard negatives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, out_table, say
from finback.cli.options import Device, Json
from finback.cli.scan import progress_in_hours

if TYPE_CHECKING:
    from finback.scan.mining import Mining

LABELS = ("file", "species", "group", "start_s", "end_s", "channel", "taken_for", "score", "cluster")
CLUSTERS = ("cluster", "windows", "taken", "highest_score", "taken_for")


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
    from finback.core.storage.csv_files import csv_text
    from finback.models.pretrained import resolve
    from finback.scan.mining import mine as mined
    from finback.scan.scan import scan
    from finback.scan.write_once import write_same

    say_licences_of(resolve(model, "classifier"))
    options = {"workers": workers, "device": device, "log": say}
    with progress_in_hours() as progress:
        scanned = scan(model, paths, folder / "scan", keep_embeddings=True, progress=progress, **options)
    for line in scanned.outcome.problems:
        say(line)
    result = mined(scanned.journal, clusters, per_cluster)
    written = {"labels.csv": csv_text(LABELS, _label_rows(result, label))}
    written["clusters.csv"] = csv_text(CLUSTERS, _cluster_rows(result))
    for name, text in written.items():
        write_same(folder / name, text)
    if json:
        out_json(
            {
                "out": str(folder),
                "heard_h": scanned.outcome.heard_h,
                "n_windows": result.n_windows,
                "n_clustered": result.n_clustered,
                "n_taken": len(result.windows),
                "clusters": [dict(zip(CLUSTERS, row, strict=True)) for row in _cluster_rows(result)],
            }
        )
        return
    out_table(CLUSTERS, _cluster_rows(result)[:20])
    out(
        f"{len(result.windows)} windows of {len(result.clusters)} clusters, of {result.n_windows:,} windows "
        f"in {scanned.outcome.heard_h:.2f} hours"
    )
    out(str(folder / "labels.csv"))


def _label_rows(result: Mining, label: str) -> list[tuple[object, ...]]:
    return [
        (w.path, label, w.path, w.start_s, w.stop_s, w.channel, w.taken_for, round(w.score, 4), w.cluster)
        for w in result.windows
    ]


def _cluster_rows(result: Mining) -> list[tuple[object, ...]]:
    return [(c.number, c.n_windows, c.n_taken, round(c.score, 4), c.taken_for) for c in result.clusters]
