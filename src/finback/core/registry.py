"""Registries: a literal dict of names to "module:attribute", imported on use.

    TASKS = {"vae": "finback.training.tasks.vae:VaeTask"}
    looked_up(TASKS, "vae", "training task")  # the class

So that a registry can name everything there is without importing any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from finback.core.errors import SettingsError


def looked_up(registry: Mapping[str, str], name: str, what: str) -> Any:
    """What stands behind a name of a `what`. Raises `SettingsError` on an unknown one."""
    if name not in registry:
        raise SettingsError(f"unknown {what} '{name}'", "there are: " + ", ".join(sorted(registry)))
    module, _, attribute = registry[name].partition(":")
    return getattr(import_module(module), attribute)
