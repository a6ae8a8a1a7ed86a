"""Small tables of events for tests."""

from __future__ import annotations

from typing import Any

from finback.core.types import Event
from finback.evaluation.detections.evaluate import DetectionEvaluation, evaluate
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable, FileFacts

HOUR = FileFacts(analysed_s=3600.0)


def event(
    file: str, start: float, label: str = "fin", score: float | None = None, length: float = 2.0, **more: Any
) -> Event:
    return Event(file, start, start + length, label, score=score, **more)


def run(
    true: list[Event],
    found: list[Event],
    true_files: dict[str, FileFacts] | None = None,
    found_files: dict[str, FileFacts] | None = None,
    **settings: Any,
) -> DetectionEvaluation:
    """Evaluate; with `found_files`, FOUND is a scan."""
    return evaluate(
        EventTable("TRUTH", tuple(true), true_files or {}),
        EventTable("FOUND", tuple(found), found_files or {}, complete=found_files is not None),
        DetectionSettings(**settings),
    )


# Two recordings: true events, and found ones under other names.
TRUE = [event("a.wav", 10), event("a.wav", 20), event("b.wav", 10), event("b.wav", 30)]
FOUND = [
    event("x/a.flac", 10.5, "Fin", 0.9),
    event("x/a.flac", 50, "Fin", 0.8),
    event("x/b.flac", 10, "Fin", 0.6),
    event("x/b.flac", 60, "Fin", 0.2),
]
