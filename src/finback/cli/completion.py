"""Completion in the shell: `finback --install-completion`, then the Tab key.

Commands, options and fixed choices are known to typer. `completing` adds the values of other options by their
names: families, presets, devices, bundled models and run folders, species. Nothing here imports torch.
"""

from __future__ import annotations

import glob
import inspect
import os
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

MOST = 200  # paths that are offered


def _families(incomplete: str) -> list[str]:
    from finback.models import FAMILIES

    return _from(sorted(FAMILIES), incomplete)


def _several_families(incomplete: str) -> list[str]:
    """`cnn2d,ls` -> `cnn2d,lstm`."""
    from finback.models import CLASSIFIERS

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in _from(sorted(CLASSIFIERS), last)]


def _presets(incomplete: str) -> list[str]:
    from finback.core.settings import presets

    return [*_from(presets(), incomplete), *_paths(incomplete, ".toml")]


def _devices(incomplete: str) -> list[str]:
    return _from(("auto", "cpu", "cuda", "mps"), incomplete)


def _samplers(incomplete: str) -> list[str]:
    from finback.generation.names import SAMPLERS

    return _from(SAMPLERS, incomplete)


def _vocoders(incomplete: str) -> list[str]:
    from finback.generation.names import VOCODERS

    return [*_from(VOCODERS, incomplete), *_runs(incomplete)]


def _runs(incomplete: str) -> list[str]:
    """Bundled models, then folders."""
    from finback.models.pretrained import KINDS, names

    bundled = sorted({name for kind in KINDS for name in names(kind)})
    return [*_from(bundled, incomplete), *_paths(incomplete)]


def _species(ctx: typer.Context, incomplete: str) -> list[str]:
    """The species of the run that was typed before."""
    from finback.cli.first_rules import open_one
    from finback.core.errors import FinbackError

    try:
        labels = open_one(str(ctx.params.get("run") or ""), ("generator",)).info.labels
    except FinbackError:
        return []
    found = [name for name in labels if name.casefold().startswith(incomplete.casefold())]
    # Bash inserts a word as it is; other shells escape its blanks themselves.
    in_bash = os.environ.get("_FINBACK_COMPLETE", "").endswith("bash")
    return [re.sub(r"([^\w,.-])", r"\\\1", name) for name in found] if in_bash else found


def _arguments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of finback predict: a run first, then sound files."""
    return _paths(incomplete) if ctx.params.get("arguments") else _runs(incomplete)


VALUES: dict[str, Callable[..., list[str]]] = {
    "arguments": _arguments,
    "classifier": _runs,
    "device": _devices,
    "families": _several_families,
    "family": _families,
    "guide": _runs,
    "model": _runs,
    "preset": _presets,
    "run": _runs,
    "runs": _runs,
    "sampler": _samplers,
    "species": _species,
    "vocoder": _vocoders,
}


def completing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, whose options offer their values to the shell."""
    hints = get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        hint = hints.get(name)
        if name in VALUES and get_origin(hint) is Annotated:
            for mark in get_args(hint):
                if isinstance(mark, ParameterInfo):
                    mark.autocompletion = VALUES[name]
    return command


def _from(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _paths(incomplete: str, suffix: str = "") -> list[str]:
    """Folders, and files with that suffix, that begin so; a folder ends in `/`."""
    found = sorted(glob.glob(glob.escape(incomplete) + "*"))[:MOST]
    folders = [path + os.sep for path in found if os.path.isdir(path)]
    return folders + [path for path in found if os.path.isfile(path) and path.endswith(suffix)]
