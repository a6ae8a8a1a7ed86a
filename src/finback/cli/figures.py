"""Figures of the embeddings of a model and of the sampling of a diffusion model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json, progress, say
from finback.cli.licences import say_licences_of
from finback.cli.options import Device, Json, Recordings, find_recordings


def map(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder of a classifier or a VAE.", show_default=False)
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(help="t-SNE or UMAP; default: all that are installed. Repeatable.", show_default=False),
    ] = None,
    sound: Annotated[
        bool, typer.Option(help="Include the sound of every clip in the page, about 15 kB each.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    recordings: Recordings = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Plot the clips of a run in two dimensions, by their embeddings.

    Writes figures/map.png, coloured by species and by recording group, and map.html, where a point plays its
    clip.

    \b
    Example:
      finback map runs/mine
    """
    from finback.evaluation.pages import embedding_map

    say_licences_of(run)
    find_recordings(run, recordings)
    written = embedding_map.write(run, tuple(method or ()), sound, seed, device, progress)
    if json:
        out_json(written.to_json())
        return
    if written.n_silent:
        why = "their recordings are not there, have changed, or lie outside the folders that you named"
        say(f"{written.n_silent} clips have no sound in the page: {why}")
    for line in embedding_map.measured(written.map.neighbours):
        out(line)
    out(str(written.figure))
    out(str(written.page))


def sheet(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Run folder of a diffusion model, or watkins-diffusion.", show_default=False
        ),
    ],
    species: Annotated[
        str, typer.Argument(metavar="SPECIES", help="Name of a species of the model.", show_default=False)
    ],
    guidance: Annotated[
        list[float] | None,
        typer.Option(
            help="Guidance of one row of the figure; default: 1, 1.5, 2.5, 4. Repeatable.", show_default=False
        ),
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option(
            help="Number of steps of one column of the figure; default: 4, 8, 18. Repeatable.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Plot how a diffusion model generates a sample of a species.

    One figure shows the sample after each step, from noise to call. The other shows the same sample for
    several values of guidance and numbers of steps.

    \b
    Example:
      finback sheet runs/diffusion "Bowhead Whale" --steps 4 --steps 18
    """
    from finback.evaluation.pages import diffusion_figures

    plan = diffusion_figures.SamplingFigures(
        seed,
        weights=tuple(guidance or diffusion_figures.WEIGHTS),
        steps=tuple(steps or diffusion_figures.STEPS),
    )
    written = [str(path) for path in diffusion_figures.write(run, species, plan, device, progress)]
    if json:
        out_json({"figures": written})
        return
    for path in written:
        out(path)
