"""What the JSON files next to clips must hold: `problems.json` and `generated.json` (documents.py)."""

from __future__ import annotations

from typing import Any

from finback.core.runs.documents import Document

Schedule = list[list[Any]]  # (first sample, time) of each segment; the reader of recordings checks the parts


class Source(Document):
    """Where recordings and labels come from, and their terms."""

    name: str
    licence: str
    citation: str


class StoredProblem(Document):
    """One problem of the labels or recordings."""

    kind: str
    file: str
    row: int | None
    message: str
    repair: str


class Provenance(Document):
    """A model behind synthetic clips, and the recordings that it was trained on."""

    role: str
    name: str
    recordings: list[str]


class ProblemsFile(Document):
    """`problems.json`, next to a manifest."""

    audio: str
    source: Source
    problems: list[StoredProblem]
    has_split: bool
    schedules: dict[str, Schedule]
    rare: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    provenance: list[Provenance] = []  # noqa: RUF012
    fingerprint: str = ""


class GeneratedFile(Document):
    """`generated.json`, next to generated clips."""

    settings: dict[str, Any] = {}  # noqa: RUF012
    provenance: list[Provenance]
