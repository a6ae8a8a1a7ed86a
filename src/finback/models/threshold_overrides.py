"""Thresholds by hand: a small TOML file, by class and by site.

    [default]
    "Fin whale" = 0.7
    "*" = 0.6               # all classes that are not named here

    ["site A"]              # files in a folder "site A", or whose names begin with it
    fin-whale = 0.8

Names of classes are compared without case, spaces, hyphens and underscores. Where two sites fit a file, the
one with more folders in its name counts, then the one that comes later.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finback.core.errors import SettingsError
from finback.core.text import plain_label
from finback.core.toml import parsed_toml
from finback.models.thresholds import Thresholds, is_at

ALL = "*"
DEFAULT_TABLE = "default"


def overridden(thresholds: Thresholds, path: Path, files: Sequence[str]) -> Thresholds:
    """Thresholds with those of a TOML file; `files` are the paths of the recordings that they are for.

    Raises `SettingsError` for a file that cannot be read, an unknown class or site, or a value that is no
    number between 0 and 1.
    """
    tables = _tables(path)
    base = _values(path, DEFAULT_TABLE, tables.pop(DEFAULT_TABLE, {}), thresholds.labels)
    sites = {}
    for site, values in sorted(tables.items(), key=lambda item: len(item[0].replace("\\", "/").split("/"))):
        if not any(is_at(file, site) for file in files):
            raise SettingsError(
                f"{path}: no recording of this scan is of the site '{site}'",
                "name a folder of the recordings, or the beginning of their names",
            )
        sites[site] = _values(path, site, values, thresholds.labels)
    notes = () if len(base) == len(thresholds.labels) else thresholds.notes  # nothing is left of the others
    return replace(thresholds.with_values(base), sites=sites, notes=(*notes, f"thresholds of {path}"))


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of the file by site; keys outside of a table are of the default one."""
    try:
        values = parsed_toml(Path(path).read_bytes())
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file", "check the path of --thresholds") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})", "check the file") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}", "correct the file") from None
    tables: dict[str, dict[str, Any]] = {}
    loose = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    for key, value in values.items():
        if isinstance(value, Mapping):
            tables[key] = dict(value)
    if loose:
        tables[DEFAULT_TABLE] = {**loose, **tables.get(DEFAULT_TABLE, {})}
    return tables


def _values(path: Path, table: str, values: Mapping[str, Any], labels: tuple[str, ...]) -> dict[int, float]:
    """Thresholds by the index of their class."""
    known = {plain_label(name): k for k, name in enumerate(labels)}
    found: dict[int, float] = {}
    for key, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= 1:
            raise SettingsError(f"{path}: [{table}] {key} = {value!r:.40}", "give a number between 0 and 1")
        if key == ALL:
            continue
        if plain_label(key) not in known:
            near = difflib.get_close_matches(key, labels, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "the model has: " + "; ".join(labels)
            raise SettingsError(f"{path}: [{table}] unknown class '{key}'", hint)
        found[known[plain_label(key)]] = float(value)
    if ALL in values:
        found = {**dict.fromkeys(range(len(labels)), float(values[ALL])), **found}
    return found
