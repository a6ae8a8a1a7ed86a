"""Bounds of the hyper-parameters of all families, and the memory that a network needs before it is built.

A name means the same in every family, so there is one table. The bounds are far beyond what anyone trains:
they stop a mistyped zero from filling the memory or running for days. Within them, a network whose sizes
multiply to more than this computer holds is refused by its own count of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from finback.core.errors import SettingsError
from finback.core.memory import computer_memory, gigabytes

# Hyper-parameter: (least, most), both allowed.
BOUNDS: dict[str, tuple[float, float]] = {
    "bands": (1, 256),
    "c": (1e-9, 1e9),
    "components": (0, 1),
    "depth": (1, 64),
    "dim": (1, 16_384),
    "dropout": (0, 0.99),
    "duration": (0, 1),
    "embedding": (1, 65_536),
    "filters": (1, 4096),
    "frame_depth": (1, 64),
    "frame_width": (1, 16_384),
    "freeze": (0, 100),
    "heads": (1, 256),
    "hidden": (1, 65_536),
    "latent": (1, 65_536),
    "layers": (1, 64),
    "level_db": (0, 40),
    "mixing": (0, 1),
    "n_components": (1, 65_536),
    "patch": (1, 1024),
    "pitch": (0, 1),
    "pool_bands": (1, 256),
    "rounds": (0, 1000),
    "shrinkage": (0, 1e9),
    "size": (1, 65_536),
    "trees": (1, 100_000),
    "width": (1, 16_384),
    "windows": (1, 10_000),
}
LARGE = 4  # times its default: from here on the network is counted before it is built
IN_TRAINING = 5  # weights, their average, gradients, and two numbers of the optimizer for each


def check_bounds(chosen: Mapping[str, Any]) -> None:
    """Raises `SettingsError` that names the first hyper-parameter out of its bounds."""
    for name, value in chosen.items():
        if name in BOUNDS and isinstance(value, int | float):
            low, high = BOUNDS[name]
            if not low <= value <= high:
                shown = f"{value:.6g}" if abs(value) < 1e300 else "a huge number"
                raise SettingsError(
                    f"setting model.{name} = {shown}: out of bounds", f"give {low:g} to {high:g}"
                )
        if isinstance(value, str) and ("\0" in value or len(value) > 4096):
            raise SettingsError(f"setting model.{name}: not a name or a path", "give shorter text")


def is_large(chosen: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether a size is so far above its default that the network must be counted first."""
    return any(
        isinstance(value, int) and value > LARGE * max(1, defaults[name])
        for name, value in chosen.items()
        if isinstance(defaults.get(name), int)
    )


def check_memory(make: Callable[[], Any], what: str) -> None:
    """Raises `SettingsError` when the network that `make` builds does not fit into this computer's memory.

    The network is built without values: that takes no memory, and no random numbers.
    """
    import torch

    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            network = make()
            n_bytes = sum(t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers()))
    except NotImplementedError:  # a part that must have values; it is built without a count
        return
    except (RuntimeError, TypeError, OverflowError, MemoryError) as error:
        if "meta" in str(error):
            return
        raise SettingsError(f"{what}: too large ({str(error).splitlines()[0][:120]})", SMALLER) from None
    memory = computer_memory()
    if not math.isfinite(n_bytes) or IN_TRAINING * n_bytes > memory:
        needs = gigabytes(IN_TRAINING * n_bytes)
        raise SettingsError(
            f"{what}: training it needs about {needs} of memory, and this computer has {gigabytes(memory)}",
            SMALLER,
        )


SMALLER = "give smaller values of model.*; finback models --settings lists the defaults"
