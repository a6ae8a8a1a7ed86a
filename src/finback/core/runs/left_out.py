"""`left_out.json` of a run folder: probabilities of the true species on groups that were not trained on.

From them follow the sets of species of `finback predict --sets` (`metrics.conformal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from finback.core.runs.documents import Document, Share, read_document
from finback.core.storage.files import write_json

How = Literal["cross-fitted", "validation"]
DIGITS = 1e6


class LeftOutFile(Document):
    """How groups were left out, and for each group the probabilities of the true species of its clips."""

    how: How
    groups: dict[str, Annotated[list[Share], Field(min_length=1)]]


def save_left_out(path: Path, how: How, groups: Sequence[str], true: Sequence[float]) -> None:
    """From the groups (N,) and calibrated probabilities of the true species (N,) of N clips."""
    found: dict[str, list[float]] = {}
    for group, p in zip(groups, true, strict=True):
        found.setdefault(group, []).append(math.floor(p * DIGITS) / DIGITS)  # down: the true one stays inside
    write_json(path, {"how": how, "groups": found})


def load_left_out(path: Path) -> Mapping[str, list[float]]:
    """Probabilities of each group. Raises `RunError` for a file that is missing or damaged."""
    groups: Mapping[str, list[float]] = read_document(path, LeftOutFile)["groups"]
    return groups
