"""Licences of weights that others trained, said once before a command first uses them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from finback.cli.console import say


def say_licences(families: Iterable[str]) -> None:
    """One line on stderr for each licence that model families bring along."""
    from finback import models

    for licence in models.licences(families):
        say(f"licence: {licence}")


def say_licences_of(run: Path) -> None:
    """The same for a run folder, be it an ensemble."""
    from finback.core.runs import RunFolder

    say_licences(RunFolder.open(run).info.families)
