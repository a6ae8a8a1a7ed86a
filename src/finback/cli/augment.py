"""The command that shows what each augmentation does to a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, say
from finback.cli.options import Json, Preset, Seed, Set, takes

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec
    from finback.training.augment.examples import Example


@dataclass(frozen=True)
class ExampleOptions:
    """The clip, and the settings of the examples."""

    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A sound file.", show_default=False)]
    noise: Annotated[
        Path | None, typer.Option(help="Folder of noise recordings to add.", show_default=False)
    ] = None
    other: Annotated[
        Path | None,
        typer.Option("--with", help="Another clip, for background and mixing.", show_default=False),
    ] = None
    preset: Preset = "watkins"
    set_: Set = None
    channel: Annotated[
        int | None,
        typer.Option(help="Use this channel, counted from 0; default: the mean.", show_default=False),
    ] = None
    n: Annotated[int, typer.Option("-n", help="Examples of each augmentation.", min=1, max=12)] = 1
    seed: Seed = 0

    def make(self) -> tuple[FeatureSpec, list[Example]]:
        """The features, and `n` examples of each augmentation."""
        from finback.training.augment import examples
        from finback.training.augment.noise_files import NoiseBank
        from finback.training.settings import resolve

        settings = resolve(self.preset, self.set_ or ())
        spec, folder = settings.features, self.noise or settings.wave.noise_files
        bank = NoiseBank.load(folder, spec.sample_rate) if folder else None
        for problem in bank.problems if bank else ():
            say(f"left out: {problem}")
        amounts = examples.Amounts(settings.wave, settings.augment)
        source = examples.load(self.clip, spec, self.channel)
        other = None if self.other is None else examples.load(self.other, spec)
        return spec, list(examples.make(source, spec, amounts, self.seed, self.n, bank, other))


@takes(options=ExampleOptions)
def augment(
    options: ExampleOptions,
    show: Annotated[bool, typer.Option("--show/--no-show", help="Save a figure of the examples.")] = True,
    out_file: Annotated[Path, typer.Option("--out", help="File of the figure: .png, .svg or .pdf.")] = Path(
        "augment.png"
    ),
    wav: Annotated[
        Path | None,
        typer.Option(help="Also write the augmented sounds to this folder, as WAV.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Show what each augmentation does to a clip.

    \b
    Example:
      finback augment clip.wav --show
      finback augment clip.wav --with other.wav --noise sea-noise \\
        --wav augmented -n 3
    """
    from finback.core.storage.paths import refuse_overwriting
    from finback.report.plots.augment import save_grid
    from finback.training.augment.examples import write_waves

    refuse_overwriting(out_file, options.clip, options.other)
    spec, examples = options.make()
    written = [] if wav is None else write_waves(examples, wav, spec.sample_rate)
    drawn: list[Path] = []
    if show:
        drawn = save_grid([(e.name, e.title, e.mel) for e in examples], spec, out_file)
    if json:
        out_json(
            {
                "clip": str(options.clip),
                "figure": str(drawn[0]) if show else None,
                "waves": [str(path) for path in written],
                "examples": [{"name": e.name, "title": e.title} for e in examples],
            }
        )
        return
    for path in [*drawn, *written]:
        out(str(path))
