"""Registries: a literal dict of names to "module:attribute", imported on use.

    TASKS = {"vae": "finback.training.tasks.vae:VaeTask"}
    looked_up(TASKS, "vae", "training task")  # the class

A registry can therefore list all names without importing their modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from finback.core.errors import SettingsError


def looked_up(registry: Mapping[str, str], name: str, what: str) -> Any:
    """The attribute of that name. Raises `SettingsError` for an unknown name; `what` is the kind of entry."""
    if name not in registry:
        raise SettingsError(f"unknown {what} '{name}'", "there are: " + ", ".join(sorted(registry)))
    module, _, attribute = registry[name].partition(":")
    return getattr(import_module(module), attribute)
