"""Commands that make sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.options import DataOptions, Device, Json, Seed, takes

if TYPE_CHECKING:
    from finback.generation.fill_rare import FillPlan
    from finback.generation.synthesizer import SynthesisConfig

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A generator's run folder, or watkins.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the clips.", show_default=False)]


@dataclass(frozen=True)
class SynthesisOptions:
    """How spectrograms are sampled and made sound."""

    sampler: Annotated[str, typer.Option(help="Of a diffusion model: dpmpp-3m, heun, ancestral.")] = (
        "dpmpp-3m"
    )
    steps: Annotated[int, typer.Option(help="Steps of the sampler.", min=1)] = 18
    guidance: Annotated[float, typer.Option(help="Towards the species; 1: none.")] = 1.5
    guidance_from: Annotated[float, typer.Option(help="Guide at noise levels above this ...", min=0)] = 0.0
    guidance_to: Annotated[float, typer.Option(help="... and below this.", min=0)] = float("inf")
    classifier_scale: Annotated[float, typer.Option(help="How strongly --guide pulls; 0: not.", min=0)] = 0.0
    guide: Annotated[
        str, typer.Option(help="A classifier's run that pulls samples to the species.", show_default=False)
    ] = ""
    vocoder: Annotated[
        str, typer.Option(help="auto, griffin-lim, fast-griffin-lim, watkins, or a vocoder's run folder.")
    ] = "auto"

    def config(self, generator: str, device: str) -> SynthesisConfig:
        from finback.core.errors import SettingsError
        from finback.generation.generator import Sampling
        from finback.generation.synthesizer import SynthesisConfig

        if bool(self.guide) != (self.classifier_scale > 0):
            raise SettingsError("--guide and --classifier-scale go together", "give both, or neither")
        sampling = Sampling(
            self.sampler,
            self.steps,
            self.guidance,
            (self.guidance_from, self.guidance_to),
            self.classifier_scale,
        )
        return SynthesisConfig(generator, sampling, self.vocoder, self.guide, device)


@takes(how=SynthesisOptions)
def generate(
    run: Run,
    out_folder: Out,
    how: SynthesisOptions,
    species: Annotated[
        str | None, typer.Argument(help="Species by name, several separated by ';'.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every species that it knows.")] = False,
    n: Annotated[int, typer.Option("-n", help="Clips per species.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Seed of the first clip; the next has the next.", min=0)] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Make clips of a species: sound, spectrograms, a picture, a manifest.

    Running it again makes what is missing. Other species and seeds can be added to the folder.

    \b
    Example:
      finback generate watkins "Ross Seal" -n 16 --out made
      finback generate runs/generator "killer whale; beluga" -n 4 --seed 100 --guidance 2 --out made
    """
    from finback.core.errors import InputError
    from finback.generation.generate import SampleRequest, generate_clips

    names = _names(species)
    if bool(names) == every:
        raise InputError("name species, or give --all", "write e.g. finback generate watkins 'Ross Seal'")
    made = generate_clips(how.config(run, device), SampleRequest(names, n, seed), out_folder, progress)
    if json:
        files = {name: [str(p) for p in paths] for name, paths in made.files.items()}
        told = {"folder": str(made.folder), "manifest": str(made.folder / "manifest.csv"), "files": files}
        out_json({**told, "made": made.made, "kept": made.kept, "parents": made.parents})
        return
    for paths in made.files.values():
        for path in paths:
            out(str(path))
    kept = f", {made.kept} were there already" if made.kept else ""
    say(f"{made.folder}: {made.made} clips made{kept}; grid.png shows them, manifest.csv lists them")
    if made.parents != "nearest":
        say(f"which learnt clip each comes nearest to is not said: {made.parents}")


@dataclass(frozen=True)
class FillOptions:
    """Which species are filled up, how far, on which split, and how hard it is tried."""

    fill: Annotated[int, typer.Option(help="Clips per species, real ones of the training side counted.")] = 60
    species: Annotated[str | None, typer.Option(help="Only these, separated by ';'.", show_default=False)] = (
        None
    )
    tries: Annotated[int, typer.Option(help="Samples made at most for each wanted clip.", min=1)] = 5
    min_probability: Annotated[float, typer.Option(help="What the judge must give at least.")] = 0.0
    split: Annotated[
        str | None,
        typer.Option(
            help="Train/validation/test in percent; default: as the generator was trained.",
            show_default=False,
        ),
    ] = None
    split_seed: Annotated[int, typer.Option(help="Seed of that split.", min=0)] = 0
    seed: Seed = 0

    def wanted(self) -> FillPlan:
        from finback.data.splits.split import SplitSettings, parse_fractions
        from finback.generation.fill_rare import FillPlan

        split = None
        if self.split is not None:
            split = SplitSettings(fractions=parse_fractions(self.split), seed=self.split_seed)
        return FillPlan(self.fill, _names(self.species), self.tries, self.min_probability, self.seed, split)


@takes(data=DataOptions, how=SynthesisOptions, fill=FillOptions)
def synthesize(
    run: Run,
    data: DataOptions,
    judge: Annotated[
        str, typer.Option(help="The classifier run that must agree, or watkins.", show_default=False)
    ],
    out_folder: Out,
    how: SynthesisOptions,
    fill: FillOptions,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Fill up rare species with clips that pass a gate.

    Refused is what the judge hears as another species, copies, silence, and sound out of the species' band.

    \b
    Example:
      finback synthesize runs/generator --audio clips --labels labels.csv --judge runs/mine --out filled
      finback train cnn2d --audio clips --labels labels.csv --synthetic filled --out runs/filled
    """
    from finback.data.dataset import prepare_request
    from finback.generation.fill_rare import fill_rare_species, rare_policy

    wanted, config = fill.wanted(), how.config(run, device)
    dataset = prepare_request(data.request(), rare_policy(config), progress)
    found = fill_rare_species(config, dataset, judge, wanted, out_folder, progress).as_json()
    if json:
        out_json({"folder": str(out_folder), "manifest": str(out_folder / "manifest.csv"), **found})
        return
    out_table(
        ("species", "real", "wanted", "made", "tried", "refused", "why"),
        [_row(name, s) for name, s in found["species"].items()],
    )
    out("")
    if found["tried"]:
        out_prose(f"{found['made']} of {found['tried']} samples passed; refused: {_why(found)}")
    for name, reason in found["unfilled"].items():
        out(f"not full: {name}: {reason}")
    say(f"to learn from them: finback train ... --synthetic {out_folder}")


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(";") if name.strip())


def _row(name: str, s: dict[str, Any]) -> tuple[object, ...]:
    share = "-" if s["rejected_share"] is None else f"{100 * s['rejected_share']:.0f} %"
    return name, s["real"], s["wanted"], s["made"], s["tried"], share, _why(s)


def _why(found: dict[str, Any]) -> str:
    """`copy 3, silent 1`."""
    return ", ".join(f"{reason} {n}" for reason, n in found["rejected"].items() if n) or "none"
