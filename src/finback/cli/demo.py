"""The demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import progress, say
from finback.cli.options import Device, Json
from finback.cli.train import command_line, show


def demo(
    out_folder: Annotated[
        Path, typer.Option("--out", help="Folder for the simulated recordings and the run folder.")
    ] = Path("runs/demo"),
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Run the complete workflow on simulated recordings, in a few minutes.

    \b
    Example:
      finback demo
    """
    from finback.evaluation import demo as workflow

    show(workflow.demo(out_folder, device, command_line(), progress, say), json)
