"""What a fetch left on disk, read back for comparison."""

from __future__ import annotations

import csv
import io
from pathlib import Path


def sounds(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "audio").rglob("*") if p.is_file()}


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
