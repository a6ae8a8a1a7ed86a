"""Commands for a trained VAE. `finback generate` samples from one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from finback.cli.bounds import bounded
from finback.cli.completion import completing
from finback.cli.console import out, out_json, out_table, progress
from finback.cli.figure_options import draws
from finback.cli.first_checks import checked
from finback.cli.options import Device, Json, Recordings, find_recordings

app = typer.Typer(
    name="vae",
    help="Reconstruct clips with a trained VAE, and interpolate between two clips.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
Run = Annotated[Path, typer.Argument(help="Run folder of finback train vae.", show_default=False)]


@app.command()
@checked
@completing
@bounded
@draws
def reconstruct(
    run: Run,
    subset: Annotated[
        Literal["test", "validation", "held_out", "train"],
        typer.Option(
            help="Clips to reconstruct: test or validation (recording groups not used in training), "
            "held_out (other clips of the training groups), or train."
        ),
    ] = "test",
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Output folder; default: the run's figures/.", show_default=False),
    ] = None,
    recordings: Recordings = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Reconstruct clips and measure the error for each species.

    Two simple methods serve as baselines: principal components, and the mean spectrum of the species. Writes
    reconstruction.json and a figure with originals, reconstructions and samples.

    \b
    Example:
      finback vae reconstruct runs/vae
    """
    from finback.core.storage.keeping import writable_folder
    from finback.evaluation import reconstruction
    from finback.generation.vae_latents import LatentSpace

    find_recordings(run, recordings)
    result = reconstruction.reconstruct(LatentSpace.load(run, device), subset, progress)
    paths = result.write(out_folder or writable_folder(run) / "figures")
    if json:
        out_json({**result.to_json(), "files": [str(path) for path in paths]})
        return
    columns = ("species", "windows", *(f"{name}, dB^2" for name in result.table if name != "original"))
    waves = tuple(f"{name}, SNR dB" for name in result.table)
    rows: list[tuple[object, ...]] = []
    for species in result.table["vae"]:
        errors = [t[species]["mse_db2"] for name, t in result.table.items() if name != "original"]
        ratios = [t[species]["snr_db"] for t in result.table.values()]
        n = result.n_windows.get(species, sum(result.n_windows.values()))
        rows.append((species or "mean over species", n, *errors, *ratios))
    out_table((*columns, *waves), rows)
    out(f"active latents: {result.active} of {result.to_json()['latents']}")
    for path in paths:
        out(str(path))


@app.command()
@checked
@completing
@bounded
@draws
def interpolate(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="A species or a sound file.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another species or sound file.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Number of spectrograms, A and B included.")] = 7,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", help="A .png, .svg or .pdf; default: in the run's figures/.", show_default=False
        ),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Interpolate between two clips, two species, or a clip and a species.

    The figure shows spectrograms on the straight line between two points of the latent space.

    \b
    Example:
      finback vae interpolate runs/vae "Killer whale" "Sperm whale" --steps 9
    """
    from finback.core.storage.keeping import writable_folder
    from finback.generation.vae_latents import LatentSpace, save_interpolation

    space = LatentSpace.load(run, device)
    ends = space.endpoint(a), space.endpoint(b)
    paths = save_interpolation(
        space, ends, steps, out_file or writable_folder(run) / "figures" / "interpolation.png"
    )
    if json:
        names = [{"name": e.name, "species": e.species} for e in ends]
        out_json({"run": str(run), "ends": names, "steps": steps, "figure": str(paths[0])})
        return
    out(" -> ".join(e.name if e.name == e.species else f"{e.name} ({e.species})" for e in ends))
    for path in paths:
        out(str(path))
