"""Choices as people type them: thresholds, and labels that mean the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from finback.core.errors import InputError, SettingsError
from finback.core.toml import parsed_toml


def read_thresholds(given: Sequence[str]) -> tuple[float | None, dict[str, float]]:
    """`0.5` and `Fin whale=0.7` -> the threshold of all classes, and those of single ones."""
    common: float | None = None
    by_class: dict[str, float] = {}
    for text in given:
        name, _, amount = text.rpartition("=")
        try:
            value = float(amount)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SettingsError(
                f"threshold '{text}'", "give a number, or a class and a number: 'Fin whale=0.7'"
            )
        if name.strip():
            by_class[name.strip()] = value
        else:
            common = value
    return common, by_class


def read_map(given: Sequence[str]) -> dict[str, str]:
    """`Orca=Killer whale`, or a TOML file of such lines -> label of TRUTH: label of FOUND."""
    same: dict[str, str] = {}
    for text in given:
        if "=" not in text:
            same |= _from_file(Path(text))
            continue
        true, _, found = (part.strip() for part in text.partition("="))
        if not (true and found):
            raise SettingsError(f"--map '{text}'", "give TRUTH's label, =, and FOUND's label")
        same[true] = found
    return same


def _from_file(path: Path) -> dict[str, str]:
    try:
        values = parsed_toml(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"--map '{path}' is neither a pair of labels nor a file ({error.strerror})",
            "give TRUTH's label, =, and FOUND's label, or a TOML file of such lines",
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: {error}", 'write lines such as "Orca" = "Killer whale"') from None
    values = values.get("labels", values)
    if not isinstance(values, dict) or not all(isinstance(label, str) for label in values.values()):
        raise InputError(f"{path}: is no list of labels", 'write lines such as "Orca" = "Killer whale"')
    return values
