"""Figures of what a model has learnt and of how a generator works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json, progress, say
from finback.cli.licences import say_licences_of
from finback.cli.options import Device, Json


def map(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A classifier's or a VAE's run folder.", show_default=False)
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="t-SNE or UMAP; default: those that are installed. Repeatable.", show_default=False
        ),
    ] = None,
    sound: Annotated[
        bool, typer.Option(help="Put every clip's sound into the page, about 15 kB each.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Every random number comes from it.", min=0)] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Lay out a run's clips by what the model makes of them.

    Coloured by species and by tape side by side: figures/map.png, and map.html where a point plays its clip.

    \b
    Example:
      finback map runs/mine
    """
    from finback.evaluation.pages import embedding_map as latents

    say_licences_of(run)
    written = latents.render(run, tuple(method or ()), sound, seed, device, progress)
    if json:
        out_json(written.to_json())
        return
    if written.unheard:
        say(f"{written.unheard} clips cannot be heard: the recordings are no longer where they were")
    for line in latents.measured(written.map.neighbours):
        out(line)
    out(str(written.figure))
    out(str(written.page))


def sheet(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of finback train diffusion.", show_default=False)
    ],
    species: Annotated[str, typer.Argument(metavar="SPECIES", help="Its name.", show_default=False)],
    guidance: Annotated[
        list[float] | None,
        typer.Option(help="A row of the sheet; default: 1, 1.5, 2.5, 4. Repeatable.", show_default=False),
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option(help="A column of the sheet; default: 4, 8, 18. Repeatable.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Every random number comes from it.", min=0)] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Draw how a diffusion model makes a sample of a species.

    Noise becoming a call step by step, and the same sample at several guidances and numbers of steps.

    \b
    Example:
      finback sheet runs/diffusion "Bowhead Whale" --steps 4 --steps 18
    """
    from finback.evaluation.pages import diffusion_sheets as sheets

    plan = sheets.Sheets(seed, weights=tuple(guidance or sheets.WEIGHTS), steps=tuple(steps or sheets.STEPS))
    written = [str(path) for path in sheets.render(run, species, plan, device, progress)]
    if json:
        out_json({"figures": written})
        return
    for path in written:
        out(path)
