"""The command that packages a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json
from finback.cli.options import Json, OldOut, one_output


def package(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A finished run folder, or a bundled model.", show_default=False),
    ],
    folder: OldOut = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="The folder to write.", show_default=False)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Keep weights in single precision.")] = False,
    measured: Annotated[
        Path | None,
        typer.Option(
            help="Run of the same recipe that left tapes out: its figures, for a run trained on all.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Copy the files needed to use a run, with a model card.

    The copy has half-precision weights, and neither labels nor paths on this machine. It is a run folder like
    any other.

    \b
    Example:
      finback package runs/mine --out mine-small
      finback package runs/for-use --out mine-small --measured runs/folds
    """
    target = one_output(out_folder, folder, "the folder to write")
    from finback.core.runs.files import RunFiles
    from finback.models.export.folder import package_run
    from finback.models.pretrained import resolve_any

    run = resolve_any(run)
    figures = None
    if measured is not None:
        from finback.evaluation.recipe_figures import figures_of_recipe

        figures = figures_of_recipe(run, measured)
    packaged = package_run(run, target, half=not full, measured=figures)
    size = sum(p.stat().st_size for p in packaged.rglob("*") if p.is_file())
    if json:
        out_json({"run": str(packaged), "bytes": size, "card": str(RunFiles(packaged).card)})
        return
    out(f"{packaged}: {size / 1e6:.1f} MB")
    out(f"card: {RunFiles(packaged).card}")
