"""The header of a journal: which model, with which settings, gave the numbers in it.

A journal holds numbers of one model with one set of settings. Who opens it with others is refused, and the
keys that differ are listed. The version of finback may differ: `NUMBERS` says when versions give the same
numbers. It is raised with every change of finback that may change a stored number (docs/decisions/0043).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from finback.core.errors import RunError
from finback.core.settings import Frozen
from finback.core.storage.files import read_json, write_json
from finback.core.version import __version__
from finback.scan.settings import ScanSettings

NAME = "scan.json"
FORMAT = 1  # of the journal's files
NUMBERS = 1  # equal in versions of finback that store equal numbers
INFORMS = frozenset(("model", "finback"))  # keys that may differ
RESTORE = "restore the file from a copy, or scan into another --out"


class JournalHeader(Frozen):
    """`scan.json` of a journal."""

    format: int = FORMAT
    numbers: int = NUMBERS
    finback: str = __version__  # that began the journal
    model: str = ""  # its name, as it was given
    fingerprint: str  # of the model: labels, weights, features, temperature
    labels: tuple[str, ...]
    features: str  # fingerprint of the feature settings
    sample_rate: int = Field(ge=10, le=1_000_000)  # Hz, that the model uses
    window_samples: int = Field(ge=1)  # at that rate: the sound that one window stands for
    context_s: float = Field(ge=0, le=1e6)  # sound after its start that the scores of a window may depend on
    top_hz: float = Field(gt=0)  # upper edge of the model's band
    settings: ScanSettings = ScanSettings()

    def window_in(self, sample_rate: int) -> int:
        """Samples of a window in a file of that rate, as `Extractor.window_samples` has it."""
        return max(1, self.window_samples * sample_rate // self.sample_rate)

    def hop_in(self, sample_rate: int) -> int:
        """Samples between two windows in a file of that rate."""
        window = self.window_in(sample_rate)
        hop_s = self.settings.hop_s
        hop = window // 2 if hop_s is None else round(hop_s * sample_rate)
        return min(max(1, hop), window)

    @classmethod
    def read(cls, folder: Path) -> JournalHeader:
        """The header of a journal. Raises `RunError` when there is none, or it is damaged."""
        path = folder / NAME
        if not path.is_file():
            raise RunError(f"{folder}: not a journal of a scan (it has no {NAME})", "finback scan writes one")
        values = read_json(path)
        number = values.get("format") if isinstance(values, dict) else None
        if number != FORMAT:
            raise RunError(f"{path}: written in format {number}", f"this finback reads format {FORMAT}")
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RunError(f"{path}: damaged (key '{where}': {first['msg']})", RESTORE) from None

    def write(self, folder: Path) -> None:
        """Write it into the folder."""
        write_json(folder / NAME, self.model_dump(mode="json"))

    def require_same(self, wanted: JournalHeader, folder: Path) -> None:
        """Raises `RunError` that lists the keys that differ between this and the wanted header."""
        old, new = self.model_dump(mode="json"), wanted.model_dump(mode="json")
        changed = [
            f"{key}: {_shown(before)} there, {_shown(after)} now"
            for key, before, after in _leaves(old, new)
            if key not in INFORMS
        ]
        if changed:
            other = _free(folder)
            raise RunError(
                f"{folder}: holds a scan with other settings ({'; '.join(changed)})",
                f"scan into another folder, for example --out {other}",
            )


def _leaves(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(key, old value, new value) of the keys that differ; settings one by one."""
    for key in sorted({*old, *new}):
        one, two = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            yield from _leaves(one, two)
        elif one != two:
            yield key, one, two


def _shown(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(str(v) for v in value)
        return f"{len(value)} ({text[:60]}{'...' if len(text) > 60 else ''})"
    return "default" if value is None else str(value)


def _free(folder: Path) -> Path:
    """A folder beside this one that is not there yet."""
    number = 2
    while (beside := folder.with_name(f"{folder.name}-{number}")).exists():
        number += 1
    return beside
