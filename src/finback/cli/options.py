"""Options that mean the same everywhere, declared once.

A command takes a whole group of them as one dataclass: `@takes(data=DataOptions)` unfolds its fields into
typer options and hands the command a filled `data`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from finback.data.index import IndexRequest
    from finback.training.settings import Settings

Preset = Annotated[str, typer.Option(help="Preset (see finback models) or TOML file.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="One setting, e.g. training.epochs=20 augment.eq_db=6. Repeatable.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Every random number comes from it.", min=0)]


@dataclass(frozen=True)
class DataOptions:
    """Which recordings and labels."""

    audio: Annotated[Path, typer.Option(help="Folder of recordings.", show_default=False)]
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with file,species (Raven: a selection table or a folder of them).", show_default=False
        ),
    ] = None
    source: Annotated[
        str, typer.Option(help="How they are laid out: auto, folder, watkins, beans, raven.")
    ] = "auto"
    groups: Annotated[
        str | None,
        typer.Option(help="Tapes or deployments from another table: FILE.csv:COLUMN.", show_default=False),
    ] = None
    file_column: Annotated[str, typer.Option(help="Name of the file column.")] = "file"
    species_column: Annotated[str, typer.Option(help="Name of the species column.")] = "species"
    channel: Annotated[
        int | None,
        typer.Option(help="Use this channel, counted from 0; default: the mean.", show_default=False),
    ] = None
    min_clips: Annotated[int, typer.Option(help="Drop species with fewer clips.")] = 1
    strict: Annotated[bool, typer.Option("--strict", help="Fail on any problem in the data.")] = False

    def request(self) -> IndexRequest:
        from finback.core.settings import build
        from finback.data.index import IndexRequest

        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return build(IndexRequest, {name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class TrainingData(DataOptions):
    """Which recordings and labels, and which generated clips to learn from beside them."""

    synthetic: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of finback generate or synthesize: clips that join the training side. Repeatable.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class SettingOptions:
    """Which settings."""

    preset: Preset = "watkins"
    set_: Set = None
    split: Annotated[
        str | None, typer.Option(help="Train/validation/test in percent, e.g. 70/15/15.", show_default=False)
    ] = None
    folds: Annotated[
        int, typer.Option(help="Grouped cross-validation with this many folds; 0: one split.")
    ] = 0
    by: Annotated[
        str, typer.Option(help="group: a tape stays on one side. clip: leaks, figures mean little.")
    ] = "group"
    rare: Annotated[
        str | None,
        typer.Option(
            help="Species with few clips: keep (default), drop, bucket, prototype.", show_default=False
        ),
    ] = None
    rare_below: Annotated[
        int | None, typer.Option(help="Rare: fewer clips than this; default: 3.", min=1, show_default=False)
    ] = None
    seed: Seed = 0

    def resolve(self, family: str = "") -> Settings:
        from finback.data.splits.split import parse_fractions
        from finback.training.settings import resolve

        split: dict[str, Any] = {"seed": self.seed, "by": self.by, "folds": self.folds}
        if self.split is not None:
            split["fractions"] = parse_fractions(self.split)
        rare = {"how": self.rare, "below": self.rare_below}
        rare = {k: v for k, v in rare.items() if v is not None}
        return resolve(self.preset, self.set_ or (), family, split=split, rare=rare)


Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, cuda*4, mps.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else there.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done and with which settings, then stop.")
]


def takes(**groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Unfold each named option group into the command's own signature."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        own = [
            p.replace(annotation=hints.get(p.name, p.annotation), kind=p.KEYWORD_ONLY)
            for p in signature.parameters.values()
            if p.name not in groups
        ]
        unfolded = [p for kind in groups.values() for p in _parameters(kind)]

        @functools.wraps(command)
        def call(**given: Any) -> Any:
            filled = {
                name: kind(**{f.name: given.pop(f.name) for f in fields(kind)})
                for name, kind in groups.items()
            }
            return command(**filled, **given)

        parameters = sorted([*own, *unfolded], key=lambda p: p.default is not p.empty)
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        del call.__wrapped__  # typer would look through it at the original signature
        return call

    return decorate


def _parameters(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY)
        for p in inspect.signature(kind).parameters.values()
    ]
