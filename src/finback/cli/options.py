"""Options with the same meaning in several commands, declared once.

A command takes a group of options as one dataclass: `@takes(data=DataOptions)` turns each field of the
dataclass into a typer option, and passes the filled dataclass to the command as `data`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from finback.cli.console import progress, say

if TYPE_CHECKING:
    from finback.data.index import IndexRequest
    from finback.training.settings import Settings

Preset = Annotated[str, typer.Option(help="Name of a preset (see finback models), or a TOML file.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change one setting, for example training.epochs=20. Repeatable.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)]


@dataclass(frozen=True, kw_only=True)
class StartTimeOptions:
    """Options for the start times of recordings."""

    time_pattern: Annotated[
        str | None,
        typer.Option(
            help="Form of the start times in file names, for example '%y%m%d_%H%M%S' (anywhere in the name).",
            show_default=False,
        ),
    ] = None
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="Zone of start times that state none: America/New_York, UTC, UTC-5 "
            "(default: UTC for times in file names).",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class DataOptions(StartTimeOptions):
    """Options for recordings and labels."""

    audio: Annotated[Path, typer.Option(help="Folder of recordings.", show_default=False)]
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with columns file,species (Raven: a selection table, or a folder of them).",
            show_default=False,
        ),
    ] = None
    source: Annotated[
        str, typer.Option(help="Layout of the labels: auto, folder, watkins, beans, raven, audacity.")
    ] = "auto"
    groups: Annotated[
        str | None,
        typer.Option(
            help="Table with the recording groups (tapes, deployments): FILE.csv:COLUMN.", show_default=False
        ),
    ] = None
    file_column: Annotated[str, typer.Option(help="Name of the file column.")] = "file"
    species_column: Annotated[str, typer.Option(help="Name of the species column.")] = "species"
    channel: Annotated[
        int | None,
        typer.Option(
            help="Channel of the recordings, counted from 0 (default: the mean of all channels).",
            show_default=False,
        ),
    ] = None
    min_clips: Annotated[int, typer.Option(help="Leave out species with fewer clips.")] = 1
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop with an error if the data have any problem.")
    ] = False

    def request(self) -> IndexRequest:
        """The request for `finback.data.index.index`."""
        from finback.core.settings import build
        from finback.data.index import IndexRequest

        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return build(IndexRequest, {name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class TrainingData(DataOptions):
    """Options for recordings and labels, and for generated clips that are added to the training set."""

    synthetic: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of finback generate or synthesize: its clips are added to training. Repeatable.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class SettingOptions:
    """Options for settings: preset, single settings, split, rare species, seed."""

    preset: Preset = "watkins"
    set_: Set = None
    split: Annotated[
        str | None,
        typer.Option(
            help="Training/validation/test sets in percent, for example 70/15/15.", show_default=False
        ),
    ] = None
    folds: Annotated[
        int | None,
        typer.Option(
            help="Number of folds of a grouped cross-validation (default: 0, one split).", show_default=False
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            help="group (default): all clips of a recording group are in one set. clip: a random split of "
            "clips, which leaks.",
            show_default=False,
        ),
    ] = None
    rare: Annotated[
        str | None,
        typer.Option(
            help="Policy for rare species: keep (default), drop, bucket, prototype.", show_default=False
        ),
    ] = None
    rare_below: Annotated[
        int | None,
        typer.Option(
            help="A species with fewer clips than this is rare (default: 3).", min=1, show_default=False
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of all random numbers (default: 0).",
            min=0,
            show_default=False,
        ),
    ] = None

    @property
    def names_split(self) -> bool:
        """Whether these options, or the settings file, say how the clips are split."""
        from finback.data.splits.settings import SplitSettings

        own = (self.split, self.folds, self.by)
        changed = self.resolve().split != SplitSettings(seed=self.seed or 0)
        return any(value is not None for value in own) or changed

    def resolve(self, family: str = "") -> Settings:
        """The settings of the preset, changed by the options that are given."""
        from finback.data.splits.split import parse_fractions
        from finback.training.settings import resolve

        split: dict[str, Any] = {"seed": self.seed, "by": self.by, "folds": self.folds}
        split = {k: v for k, v in split.items() if v is not None}
        if self.split is not None:
            split["fractions"] = parse_fractions(self.split)
        rare = {"how": self.rare, "below": self.rare_below}
        rare = {k: v for k, v in rare.items() if v is not None}
        return resolve(self.preset, self.set_ or (), family, split=split, rare=rare)


Recordings = Annotated[
    list[Path] | None,
    typer.Option(
        "--recordings",
        help="Folder where the recordings of this run are, if the run folder is from elsewhere or the "
        "recordings moved. They are found by their content. Repeatable.",
        show_default=False,
    ),
]
# The output as a second argument, as version 0.1.0 had it in some commands; not shown in --help.
OldOut = Annotated[Path | None, typer.Argument(metavar="OUT", hidden=True)]
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda, cuda:1, cuda*4, mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show data, split and time to expect, then stop.")]


def one_output(option: Path | None, argument: Path | None, what: str) -> Path:
    """The output, from `--out` or, as in version 0.1.0, an argument. Raises `InputError` for both or none."""
    from finback.core.errors import InputError

    if (option is None) == (argument is None):
        problem = "no --out" if option is None else f"--out {option} and another output {argument}"
        raise InputError(problem, f"name {what} once: --out NAME")
    return Path(option or argument or "")


def find_recordings(run: Path, folders: list[Path] | None) -> None:
    """Look for the recordings of a run below the folders of `--recordings`, and say what was found."""
    if folders:
        from finback.data.locate import locate
        from finback.models.pretrained import own_run

        own = own_run(run, "--recordings", "evaluate on other recordings with --audio and --labels")
        for line in locate(own, folders, progress).lines():
            say(line)


def takes(**groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace each parameter of a command that is a group of options by the fields of the group.

    typer reads the options of a command from its signature, so the decorated command gets a new signature:
    its other parameters and the fields of each group. When it is called, it fills the groups from the values
    of their fields. Tested by `tests/cli/test_options.py`.
    """

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
        # typer reads the signature, the annotations, and what the function wraps.
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        del call.__wrapped__  # else typer uses the signature of the wrapped command
        return call

    return decorate


def given(context: typer.Context, names: Iterable[str]) -> set[str]:
    """Those of these parameters of a command that a person gave."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return {name for name, source in sources.items() if source and not source.name.startswith("DEFAULT")}


def _parameters(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY)
        for p in inspect.signature(kind).parameters.values()
    ]
