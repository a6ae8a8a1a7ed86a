"""`--help` of every command fits a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from finback.cli.app import app


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of the group and of all commands below it."""
    yield words
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


def test_help_fits_80_columns() -> None:
    names = list(commands(typer.main.get_command(app)))
    assert len(names) > 30
    wide = []
    for words in names:
        shown = CliRunner().invoke(app, [*words, "--help"], terminal_width=80).output
        wide += [f"{' '.join(words)}: {line}" for line in shown.splitlines() if len(line) > 80]
    assert not wide, "\n".join(wide)
