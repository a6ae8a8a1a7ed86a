"""The command that converts spectrograms to sound, and a sound to its spectrogram and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress
from finback.cli.licences import terms_of
from finback.cli.options import Device, Json, Preset, Seed, Set, takes

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec
    from finback.generation.vocoders.vocode import VocodeResult


@dataclass(frozen=True)
class VocoderOptions:
    """The vocoder, and the features that it inverts."""

    vocoder: Annotated[
        str,
        typer.Option(
            help="griffin-lim, fast-griffin-lim, components, a run folder of finback train vocoder, or the "
            "name of a bundled vocoder; auto: the bundled vocoder if it has these features, else components."
        ),
    ] = "auto"
    rounds: Annotated[int, typer.Option(help="Iterations of Griffin-Lim.", min=1)] = 32
    preset: Preset = "watkins"
    set_: Set = None
    seed: Seed = 0
    device: Device = "auto"

    def spec(self) -> FeatureSpec:
        """The features of the preset and the single settings."""
        from finback.training.settings import resolve

        return resolve(self.preset, self.set_ or ()).features


@takes(options=VocoderOptions)
def vocode(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SPECTROGRAM|CLIP",
            help="A .npy or .npz file of log-mels in dB, or a sound file.",
            show_default=False,
        ),
    ],
    out_path: Annotated[
        Path,
        typer.Option(
            "--out", help="A .wav or .flac file; a folder for several spectrograms.", show_default=False
        ),
    ],
    options: VocoderOptions,
    like: Annotated[
        Path | None, typer.Option(help="Use the level of this sound file.", show_default=False)
    ] = None,
    channel: Annotated[
        int | None,
        typer.Option(
            help="Use this channel of the clip, counted from 0; default: the mean.", show_default=False
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also write a figure of the log-mels (.png, .svg or .pdf).", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Convert spectrograms to sound, or a clip to its spectrogram and back.

    A clip is converted to its log-mel and back to sound, so that both sounds can be compared.

    \b
    Example:
      finback vocode clip.wav --out again.wav --figure again.png
      finback vocode spectrograms.npz --out sounds --vocoder runs/vocoder
    """
    from finback.generation.vocoders.vocode import VocodeRequest, vocode
    from finback.metrics.waveforms import MEANINGS

    spec = options.spec()
    request = VocodeRequest(
        source, out_path, options.vocoder, options.rounds, options.seed, options.device, like, channel
    )
    result = vocode(request, spec, progress)
    drawn = [] if figure is None else _draw(result, figure)
    if json:
        out_json(_to_json(result, source, drawn[0] if drawn else None))
        return
    for path in [*result.paths, *drawn]:
        out(str(path))
    if result.measures:
        rows = [(name, value, *MEANINGS[name][::-1]) for name, value in result.measures.items()]
        out_table((f"by {result.vocoder}", "mean", "equal sounds", "compares"), rows)
    if line := outside(result.spec):
        out_prose(line)


def outside(spec: FeatureSpec) -> str:
    """What the spectrogram leaves out, where its band is not the whole band of its sample rate."""
    if spec.f_min <= 0 and spec.top_hz >= spec.sample_rate / 2:
        return ""
    band = f"{spec.f_min:g} to {spec.top_hz:g} Hz"
    return f"measured from {band}, the band of the spectrogram: it holds no sound outside this band"


def _draw(result: VocodeResult, path: Path) -> list[Path]:
    from finback.report.plots.augment import save_grid

    return save_grid(
        [("before", "before", result.before_db), ("after", f"after, by {result.vocoder}", result.after_db)],
        result.spec,
        path,
    )


def _to_json(result: VocodeResult, source: Path, figure: Path | None) -> dict[str, Any]:
    return {
        "source": str(source),
        "out": [str(path) for path in result.paths],
        "figure": str(figure) if figure else None,
        "vocoder": result.vocoder,
        "terms": terms_of(result.vocoder),
        "sample_rate": result.spec.sample_rate,
        "band_hz": [result.spec.f_min, result.spec.top_hz],
        "measures": result.measures,
    }
