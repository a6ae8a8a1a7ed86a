"""What a fetch left on disk, read back for comparison, and the memory that it took."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path


def sounds(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "audio").rglob("*") if p.is_file()}


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def peak_mb(work: Callable[[], object]) -> float:
    """The most memory that Python had during the work, in MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
