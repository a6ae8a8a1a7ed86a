"""The command that exports a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json, out_prose
from finback.cli.licences import say_licences_of
from finback.cli.options import Json


def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run folder, or the name of a bundled model.", show_default=False
        ),
    ],
    to: Annotated[str, typer.Option(help="Format: onnx, pamguard, or card for the model card.")] = "onnx",
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The file to write; default: model.onnx, model.zip or card.md.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Export a model to ONNX or PAMGuard, or write its model card.

    The exported model is loaded again, and its predictions are compared with those of finback before the file
    is written.

    \b
    Example:
      finback export runs/mine --to onnx --out model.onnx
      finback export runs/mine --to pamguard --out model.zip
      finback export runs/mine --to card --out model.md
    """
    from finback.models.export import export as write

    file = out_file or Path({"onnx": "model.onnx", "pamguard": "model.zip"}.get(to, "card.md"))
    if to != "card" and Path(run).exists():
        say_licences_of(Path(run))
    metadata = write(run, to, file)
    size = file.stat().st_size
    if json:
        out_json({"run": run, "to": to, "file": str(file), "bytes": size, **metadata})
        return
    out(f"{file}: {size / 1e6:.1f} MB" if size >= 1e5 else f"{file}: {size} bytes")
    if to == "card":
        return
    n_species, rate = len(metadata["labels"]), metadata["sample_rate"]
    out(f"input: {metadata['window_samples']} samples at {rate} Hz, mono; output: {n_species} species")
    if not metadata["none_of_these"]:
        out_prose(
            'no class "none of these": the exported model names one of its species for any sound, also for '
            "noise; see docs/exporting.md"
        )
    difference = metadata["largest_difference"]
    if to == "onnx":
        out(f"largest difference from finback: {difference:.1e}, over {metadata['n_clips']} test sounds")
    else:
        out(f"largest difference of the TorchScript network: {difference:.1e}")
        out_prose(
            "PAMGuard computes the spectrogram itself, so its predictions differ a little from those of "
            "finback; see docs/exporting.md."
        )
    if metadata.get("licence"):
        out_prose(f"licence: {metadata['licence']}")
