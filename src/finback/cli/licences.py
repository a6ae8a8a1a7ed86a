"""The licences of pretrained weights, shown before a command uses them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from finback.cli.console import say


def say_licences(families: Iterable[str]) -> None:
    """Print one line on stderr for each licence of the pretrained weights of these model families."""
    from finback import models

    for licence in models.licences(families):
        say(f"licence: {licence}")


def say_licences_of(run: Path) -> None:
    """The same for the model families of a run folder, also of an ensemble."""
    from finback.core.runs import RunFolder

    say_licences(RunFolder.open(run).info.families)
