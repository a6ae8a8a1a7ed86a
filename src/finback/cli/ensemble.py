"""The command that combines runs into an ensemble."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from finback.cli.console import out, out_json, out_table, progress
from finback.cli.options import Json
from finback.cli.train import Out, command_line


def ensemble(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders.", show_default=False)
    ],
    out_folder: Out,
    how: Annotated[
        Literal["mean", "weights", "stack"],
        typer.Option(
            help="How predictions are combined; weights and stack are fitted on the validation set."
        ),
    ] = "mean",
    json: Json = False,
) -> None:
    """Combine several runs into one ensemble.

    The runs must have the same clips and the same split. The new folder contains the weights of all runs.

    \b
    Example:
      finback ensemble runs/cnn runs/lstm --out runs/both
    """
    from finback.models.ensemble import combine

    combined = combine(runs, out_folder, how, command_line(), progress)
    if json:
        folds = [fold.info.to_json() for fold in combined.folds]
        out_json({"run": str(out_folder), "folds": folds, **combined.info.to_json()})
        return
    rows: list[tuple[object, ...]] = []
    for name, part in zip([fold.path.name for fold in combined.folds] or ["-"], combined.parts, strict=True):
        for m in part.info.members:
            rows.append((name, m["origin"], m["family"], m["weight"], m["validation_loss"]))
        rows.append((name, str(out_folder), how, None, part.info.validation_loss))
    out_table(("fold", "run", "family", "weight", "validation loss"), rows)
    out(f"next: finback evaluate {shlex.quote(str(out_folder))}")
