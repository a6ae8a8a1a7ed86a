"""From the name of a format to its entry in the registry and its functions."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from finback.core.errors import SettingsError
from finback.data.formats import FORMATS
from finback.data.formats.base import Format, FormatModule


def load_format(name: str) -> tuple[Format, FormatModule]:
    """The entry and the functions of a format. Raises `SettingsError` that lists the formats."""
    if name not in FORMATS:
        raise SettingsError(f"unknown format '{name}'", "there are: " + ", ".join(FORMATS))
    return FORMATS[name], cast(FormatModule, import_module(FORMATS[name].module))


def written_formats() -> tuple[str, ...]:
    """Names of the formats that are written, as `--format` offers them."""
    return tuple(name for name, info in FORMATS.items() if info.writes)
