"""Spectrograms to sound, and sound to a spectrogram and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, progress
from finback.cli.options import Device, Json, Preset, Seed, Set, takes

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec
    from finback.generation.vocoders.vocode import VocodeResult


@dataclass(frozen=True)
class VocoderOptions:
    """Which features, and what makes sound of them."""

    vocoder: Annotated[
        str,
        typer.Option(
            help="griffin-lim, fast-griffin-lim, a run folder of finback train vocoder, the name of one that "
            "comes along; auto: one that fits, else fast-griffin-lim."
        ),
    ] = "auto"
    rounds: Annotated[int, typer.Option(help="Of Griffin-Lim.", min=1)] = 32
    preset: Preset = "watkins"
    set_: Set = None
    seed: Seed = 0
    device: Device = "auto"

    def spec(self) -> FeatureSpec:
        from finback.training.settings import resolve

        return resolve(self.preset, self.set_ or ()).features


@takes(options=VocoderOptions)
def vocode(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SPECTROGRAM|CLIP",
            help=".npy or .npz of log-mels in dB, or a sound file.",
            show_default=False,
        ),
    ],
    out_path: Annotated[
        Path,
        typer.Option("--out", help="A .wav or .flac; a folder for several spectrograms.", show_default=False),
    ],
    options: VocoderOptions,
    like: Annotated[Path | None, typer.Option(help="As loud as this sound file.", show_default=False)] = None,
    channel: Annotated[
        int | None, typer.Option(help="Of the clip, from 0; default: the mean.", show_default=False)
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="PNG or SVG of before and after.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Make sound of spectrograms, or hear what a clip's spectrogram keeps.

    A clip makes the round trip: to its log-mel, and back to sound beside which the original can be heard.

    \b
    Example:
      finback vocode clip.wav --out again.wav --picture again.png
      finback vocode spectrograms.npz --out sounds --vocoder runs/vocoder
    """
    from finback.generation.vocoders.vocode import VocodeRequest, vocode

    spec = options.spec()
    request = VocodeRequest(
        source, out_path, options.vocoder, options.rounds, options.seed, options.device, like, channel
    )
    done = vocode(request, spec, progress)
    if picture is not None:
        _draw(done, picture)
    if json:
        out_json(_as_json(done, source, picture))
        return
    for path in [*done.paths, *([picture] if picture else [])]:
        out(str(path))
    out_table((f"by {done.vocoder}", "mean"), done.measures.items())


def _draw(done: VocodeResult, picture: Path) -> None:
    from finback.report.plots.augment import save_grid

    save_grid(
        [("before", "before", done.before_db), ("after", f"after, by {done.vocoder}", done.after_db)],
        done.spec,
        picture,
    )


def _as_json(done: VocodeResult, source: Path, picture: Path | None) -> dict[str, Any]:
    return {
        "source": str(source),
        "out": [str(path) for path in done.paths],
        "picture": str(picture) if picture else None,
        "vocoder": done.vocoder,
        "sample_rate": done.spec.sample_rate,
        "measures": done.measures,
    }
