"""Ratios of the comparisons with other packages, collected by `benchmarks/all.py`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

COLLECTED = "FINBACK_RESULTS"  # environment variable: the file to which benchmarks add their lines


@dataclass(frozen=True)
class Result:
    """One comparison. `ratio` is finback over the other package, higher is better; if it is None, `note` says
    why."""

    what: str
    finback: str
    peer: str
    ratio: float | None
    note: str


def record(what: str, finback: str, peer: str, ratio: float | None, note: str) -> None:
    """Add a line to the collected table; nothing when a benchmark runs by itself."""
    path = os.environ.get(COLLECTED)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(Result(what, finback, peer, ratio, note))) + "\n")
