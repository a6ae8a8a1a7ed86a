"""The bounds of all options that are numbers, by name, in one table.

An option means the same in every command, so its bounds are the same too. They are far beyond any sensible
use: they stop a mistyped digit, a `nan` or a seed of thirty digits before any work begins. The settings
models check the values again, for those who use finback from Python.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

# Option: (least, most), both allowed. Inf: no upper bound is wanted.
BOUNDS: dict[str, tuple[float, float]] = {
    "bits": (16, 32),
    "bout_gap_s": (0.01, 3600),
    "calls_per_bout": (1, 1000),
    "channel": (0, 65_535),
    "channels": (1, 64),
    "classifier_scale": (0, 1000),
    "clips": (1, 9999),
    "clusters": (1, 1000),
    "dpi": (50, 1200),
    "every_minutes": (0.02, 1_000_000),
    "folds": (0, 100),
    "inner_folds": (0, 100),
    "hop": (1e-6, 86_400),
    "guidance": (-100, 100),
    "guidance_from": (0, 1e6),
    "guidance_to": (0, math.inf),
    "hours": (0, 1e6),
    "jobs": (1, 8),
    "join_gap": (0, 86_400),
    "least_effort": (0, 86_400),
    "limit": (1, 10_000_000),
    "listed": (1, 200),
    "longest_s": (0.01, 120),
    "low": (0, 1),
    "low_data_below": (1, 1_000_000_000),
    "max_attempts": (1, 10_000),
    "max_duration": (1e-6, 31_622_400),
    "max_file_gb": (1e-6, 1e6),
    "max_files": (1, 10_000_000),
    "max_hours": (1e-6, 10_000),
    "max_ratio": (1, 1e6),
    "max_real_clips": (0, 1_000_000_000),
    "max_total_gb": (1e-6, 1e6),
    "min_duration": (0, 86_400),
    "merge": (0, 1),
    "min_clips": (1, 1_000_000_000),
    "min_probability": (0, 1),
    "minutes": (1e-6, 100_000),
    "n": (1, 100_000),
    "per_cluster": (1, 1000),
    "rare_below": (1, 1_000_000_000),
    "rate": (1e-6, 10),
    "rounds": (1, 10_000),
    "sample_rate": (100, 1_000_000),
    "seed": (0, 2**32 - 1),
    "seeds": (1, 1000),
    "sets": (0.5, 0.99),
    "num_gpus": (0, 64),
    "span_minutes": (0.01, 1440),
    "stale_minutes": (0.05, 1440),
    "split_seed": (0, 2**32 - 1),
    "step_s": (1e-3, 86_400),
    "strength": (0.01, 1),
    "steps": (1, 10_000),
    "tape_transfer": (0, 1),
    "tapes": (1, 9999),
    "target_clips": (1, 1_000_000),
    "threshold": (0, 1),
    "top": (1, 1000),
    "window_s": (0.01, 600),
    "workers": (1, 1024),
}


def bounded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, whose options that are numbers refuse values out of their bounds.

    Raises `KeyError` at import for an option without bounds.
    """
    hints = get_type_hints(command, include_extras=True)
    command.__annotations__ = hints  # typer reads these objects; it would make others from text
    for name in inspect.signature(command).parameters:
        hint = hints[name]
        if get_origin(hint) is not Annotated:
            continue
        kind, *marks = get_args(hint)
        if {int, float} & {kind, *get_args(kind), *(x for one in get_args(kind) for x in get_args(one))}:
            for mark in marks:
                if isinstance(mark, ParameterInfo):
                    mark.callback = _check(*BOUNDS[name])
    return command


def _check(low: float, high: float) -> Callable[[Any], Any]:
    """A callback of typer that returns the value, or raises what typer shows with the name of the option."""

    def check(value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None and not low <= one <= high:  # also not a number
                shown = one if isinstance(one, float) or abs(one) < 10**18 else "a huge number"
                raise typer.BadParameter(f"{shown} is not in the range {low:g} to {high:g}.")
        return value

    return check
