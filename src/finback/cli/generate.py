"""Commands that generate clips of a species."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.generated import as_json, make_again, show
from finback.cli.licences import terms_of_generator
from finback.cli.options import DataOptions, Device, Json, Seed, takes

if TYPE_CHECKING:
    from finback.generation.fill_rare import FillPlan
    from finback.generation.originals import Original
    from finback.generation.synthesizer import SynthesisConfig

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run folder of a generator, or watkins (calls), or watkins-diffusion.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the generated clips.", show_default=False)]


@dataclass(frozen=True)
class SynthesisOptions:
    """How spectrograms are sampled and converted to sound."""

    sampler: Annotated[str, typer.Option(help="Sampler of a diffusion model: dpmpp-3m, heun, ancestral.")] = (
        "dpmpp-3m"
    )
    steps: Annotated[int, typer.Option(help="Steps of the sampler.", min=1)] = 18
    guidance: Annotated[float, typer.Option(help="Weight of classifier-free guidance (1: off).")] = 1.5
    guidance_from: Annotated[
        float, typer.Option(help="Lowest noise level with classifier-free guidance.", min=0)
    ] = 1.5
    guidance_to: Annotated[
        float, typer.Option(help="Highest noise level with classifier-free guidance.", min=0)
    ] = float("inf")
    classifier_scale: Annotated[
        float, typer.Option(help="Strength of classifier guidance (0: off).", min=0)
    ] = 0.0
    guide: Annotated[
        str, typer.Option(help="Run folder of the classifier for classifier guidance.", show_default=False)
    ] = ""
    vocoder: Annotated[
        str,
        typer.Option(
            help="auto, griffin-lim, fast-griffin-lim, components, watkins, or a vocoder's run folder."
        ),
    ] = "auto"

    def config(
        self, generator: str, device: str, original: Original | None = None, tape: str = ""
    ) -> SynthesisConfig:
        """The settings of a synthesizer. Raises `SettingsError` for half of classifier guidance."""
        from finback.core.errors import SettingsError
        from finback.generation.generator import Sampling
        from finback.generation.synthesizer import SynthesisConfig

        if bool(self.guide) != (self.classifier_scale > 0):
            raise SettingsError("classifier guidance needs --guide and --classifier-scale", "give both")
        sampling = Sampling(
            self.sampler,
            self.steps,
            self.guidance,
            (self.guidance_from, self.guidance_to),
            self.classifier_scale,
            tape=tape,
        )
        return SynthesisConfig(generator, sampling, self.vocoder, self.guide, device, original)


@dataclass(frozen=True)
class SourceOptions:
    """Which tape the samples sound like, which clip they vary, or which parameters they are made from."""

    tape: Annotated[
        str,
        typer.Option(
            metavar="GROUP",
            help="Recording group of the training clips whose sound the clips get (none: calls alone, with "
            "a generator of calls); default: drawn for each.",
            show_default=False,
        ),
    ] = ""
    original: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="CLIP", help="Sound file whose variations are generated.", show_default=False
        ),
    ] = None
    strength: Annotated[
        float | None,
        typer.Option(
            help="How far variations may go from the clip of --from: 0.3 little, 0.5, 0.7 much.",
            show_default=False,
        ),
    ] = None

    parameters: Annotated[
        list[Path] | None,
        typer.Option(
            help="File of the parameters of a sample of finback train calls, edited or not; may be repeated.",
            show_default=False,
        ),
    ] = None

    def clip(self) -> Original | None:
        """The clip to vary, or None. Raises `SettingsError` for a strength without a clip."""
        from finback.core.errors import SettingsError
        from finback.generation.originals import Original

        if self.original is None and self.strength is not None:
            raise SettingsError("--strength without a clip", "name the clip to vary: --from CLIP")
        if self.original is None:
            return None
        return Original(self.original, 0.5 if self.strength is None else self.strength)


@takes(how=SynthesisOptions, source=SourceOptions)
def generate(
    run: Run,
    out_folder: Out,
    how: SynthesisOptions,
    source: SourceOptions,
    species: Annotated[
        str | None, typer.Argument(help="Names of species, separated by ';'.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All species that the generator knows.")] = False,
    n: Annotated[int, typer.Option("-n", help="Clips of each species.", min=1)] = 16,
    seed: Annotated[
        int, typer.Option(help="Seed of the first clip; the next clip has the next seed.", min=0)
    ] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Generate clips of a species: sound, spectrograms, a figure and a manifest.

    The same command again generates only the clips that are missing. Other species and seeds can be added to
    the folder.

    \b
    Example:
      finback generate watkins "Ross Seal" -n 16 --out seals
      finback generate runs/generator "killer whale; beluga" -n 4 --seed 100 \\
        --guidance 2 --out clips
      finback generate runs/generator "beluga" --from call.wav --strength 0.5 \\
        --out variations
      finback generate runs/calls \\
        --parameters clips/parameters/beluga-000003.json --out edited
    """
    from finback.core.errors import InputError
    from finback.generation.generate import SampleRequest, generate_clips

    names = _names(species)
    if source.parameters:
        if names or every:
            raise InputError("--parameters with species: the files name the species", "leave one of them out")
        make_again(how.config(run, device), source.parameters, out_folder, json)
        return
    if bool(names) == every:
        raise InputError("name species, or give --all", "write e.g. finback generate watkins 'Ross Seal'")
    original = source.clip()
    if original is not None and len(names) != 1:
        raise InputError("--from with several species", "name the species of the clip only")
    config = how.config(run, device, original, source.tape)
    report = generate_clips(config, SampleRequest(names, n, seed), out_folder, progress)
    if json:
        out_json(as_json(report, terms_of_generator(run, how.vocoder)))
        return
    show(report, run)


@dataclass(frozen=True)
class FillOptions:
    """Which species are filled up, to how many clips, on which split, and with how many attempts."""

    target_clips: Annotated[
        int, typer.Option(help="Clips of each species, real training clips and generated clips together.")
    ] = 60
    species: Annotated[
        str | None, typer.Option(help="Only these species, separated by ';'.", show_default=False)
    ] = None
    max_attempts: Annotated[
        int, typer.Option(help="Maximum number of samples generated for each requested clip.", min=1)
    ] = 5
    min_probability: Annotated[
        float, typer.Option(help="Minimum probability of the species, by the reference classifier.")
    ] = 0.0
    split: Annotated[
        str | None,
        typer.Option(
            help="Training/validation/test set in percent; default: the split of the generator.",
            show_default=False,
        ),
    ] = None
    split_seed: Annotated[int, typer.Option(help="Seed of that split.", min=0)] = 0
    seed: Seed = 0

    def plan(self) -> FillPlan:
        """The plan of these options."""
        from finback.data.splits.split import SplitSettings, parse_fractions
        from finback.generation.fill_rare import FillPlan

        split = None
        if self.split is not None:
            split = SplitSettings(fractions=parse_fractions(self.split), seed=self.split_seed)
        return FillPlan(
            self.target_clips, _names(self.species), self.max_attempts, self.min_probability, self.seed, split
        )


@takes(data=DataOptions, how=SynthesisOptions, fill=FillOptions)
def synthesize(
    run: Run,
    data: DataOptions,
    classifier: Annotated[
        str,
        typer.Option(
            help="Reference classifier that checks the species: a run folder, or watkins.",
            show_default=False,
        ),
    ],
    out_folder: Out,
    how: SynthesisOptions,
    fill: FillOptions,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Fill up rare species with generated clips that pass quality checks.

    A generated clip is rejected if the classifier assigns it to another species, if it copies a training
    clip, if it is silent, or if its energy is outside the species' frequency band.

    \b
    Example:
      finback synthesize runs/generator --audio clips --labels labels.csv \\
        --classifier runs/mine --out filled
      finback train cnn2d --audio clips --labels labels.csv --synthetic filled \\
        --out runs/filled
    """
    from finback.data.dataset import prepare_request
    from finback.generation.fill_rare import fill_rare_species, rare_policy

    plan, config = fill.plan(), how.config(run, device)
    dataset = prepare_request(data.request(), rare_policy(config), progress)
    report = fill_rare_species(config, dataset, classifier, plan, out_folder, progress).to_json()
    if json:
        terms = terms_of_generator(run, how.vocoder)
        table = str(out_folder / "manifest.csv")
        out_json({"folder": str(out_folder), "manifest": table, "terms": terms, **report})
        return
    out_table(
        ("species", "real", "requested", "accepted", "attempts", "rejected", "reasons"),
        [_row(name, s) for name, s in report["species"].items()],
    )
    out("")
    if report["attempts"]:
        out_prose(
            f"{report['accepted']} of {report['attempts']} samples accepted; rejected: {_reasons(report)}"
        )
    for name, reason in report["unfilled"].items():
        out(f"not full: {name}: {reason}")
    say(f"to train on these clips: finback train ... --synthetic {out_folder}")


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(";") if name.strip())


def _row(name: str, s: dict[str, Any]) -> tuple[object, ...]:
    share = "-" if s["rejected_share"] is None else f"{100 * s['rejected_share']:.0f} %"
    return name, s["real"], s["requested"], s["accepted"], s["attempts"], share, _reasons(s)


def _reasons(report: dict[str, Any]) -> str:
    """`copy 3, silent 1`."""
    return ", ".join(f"{reason} {n}" for reason, n in report["rejected"].items() if n) or "none"
