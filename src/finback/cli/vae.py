"""Commands on a trained VAE; its samples are finback generate's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from finback.cli.console import out, out_json, out_table, progress
from finback.cli.options import Device, Json

app = typer.Typer(
    name="vae",
    help="What a trained VAE keeps of clips, and what lies between two of them.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
Run = Annotated[Path, typer.Argument(help="Folder of finback train vae.", show_default=False)]


@app.command()
def reconstruct(
    run: Run,
    side: Annotated[
        Literal["test", "val", "held_out", "train"],
        typer.Option(help="Clips to judge by: test and val are tapes that it has not heard."),
    ] = "test",
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write; default: the run's figures/.", show_default=False),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """How much of its clips a VAE keeps, species by species, beside principal components and a mean spectrum.

    Writes reconstruction.json and a grid of originals, reconstructions and samples.

    \b
    Example:
      finback vae reconstruct runs/vae
    """
    from finback.evaluation.reconstruction import reconstruct as judge
    from finback.generation.vae_latents import LatentSpace

    found = judge(LatentSpace.load(run, device), side, progress)
    paths = found.write(out_folder or run / "figures")
    if json:
        out_json({**found.facts(), "files": [str(path) for path in paths]})
        return
    columns = ("species", "windows", *(f"{name}, dB^2" for name in found.table if name != "original"))
    waves = tuple(f"{name}, SNR dB" for name in found.table)
    rows: list[tuple[object, ...]] = []
    for species in found.table["vae"]:
        errors = [t[species]["mse_db2"] for name, t in found.table.items() if name != "original"]
        ratios = [t[species]["snr_db"] for t in found.table.values()]
        n = found.n_windows.get(species, sum(found.n_windows.values()))
        rows.append((species or "mean over species", n, *errors, *ratios))
    out_table((*columns, *waves), rows)
    out(f"latents in use: {found.active} of {found.facts()['latents']}")
    for path in paths:
        out(str(path))


@app.command()
def interpolate(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="A species or a sound file.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Pictures, both ends included.")] = 7,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="A .png or .svg; default: in the run's figures/.", show_default=False),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """A strip of pictures on the straight way between two clips, two species, or one of each.

    \b
    Example:
      finback vae interpolate runs/vae "Killer whale" "Sperm whale" --steps 9
    """
    from finback.generation.vae_latents import LatentSpace, save_interpolation

    space = LatentSpace.load(run, device)
    ends = space.end(a), space.end(b)
    path = save_interpolation(space, ends, steps, out_file or run / "figures" / "interpolation.png")
    if json:
        names = [{"name": e.name, "species": e.species} for e in ends]
        out_json({"run": str(run), "ends": names, "steps": steps, "picture": str(path)})
        return
    out(" -> ".join(e.name if e.name == e.species else f"{e.name} ({e.species})" for e in ends))
    out(str(path))
