"""The command that makes one run of several."""

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
        typer.Option(help="How answers become one; weights and stack are fitted on validation."),
    ] = "mean",
    json: Json = False,
) -> None:
    """Make one run of several, which answers with all of them.

    The runs must be of the same clips, split in the same way. The new folder holds their weights.

    \b
    Example:
      finback ensemble runs/cnn runs/lstm --out runs/both
    """
    from finback.models import ensemble as room

    made = room.combine(runs, out_folder, how, command_line(), progress)
    parts = [part.info for part in made.parts]
    if json:
        out_json(
            {
                "run": str(out_folder),
                "folds": [fold.info.to_json() for fold in made.folds],
                **made.info.to_json(),
            }
        )
        return
    rows: list[tuple[object, ...]] = []
    for name, part in zip([fold.path.name for fold in made.folds] or ["-"], parts, strict=True):
        for m in part.members:
            rows.append((name, m["origin"], m["family"], m["weight"], m["validation_loss"]))
        rows.append((name, str(out_folder), how, None, part.validation_loss))
    out_table(("fold", "run", "family", "weight", "validation loss"), rows)
    out(f"next: finback evaluate {shlex.quote(str(out_folder))}")
