"""The command that makes a run travel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json
from finback.cli.options import Json


def ship(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Where to put it.", show_default=False)],
    full: Annotated[bool, typer.Option("--full", help="Keep single precision.")] = False,
    json: Json = False,
) -> None:
    """Copy what using a run needs, with a model card.

    Half-precision weights, no names of this machine, no labels. The copy is a run folder like any other.

    \b
    Example:
      finback ship runs/mine mine-small
    """
    from finback.models.export.folder import CARD
    from finback.models.export.folder import ship as make

    made = make(run, folder, half=not full)
    size = sum(p.stat().st_size for p in made.rglob("*") if p.is_file())
    if json:
        out_json({"run": str(made), "bytes": size, "card": str(made / CARD)})
        return
    out(f"{made}: {size / 1e6:.1f} MB")
    out(f"card: {made / CARD}")
