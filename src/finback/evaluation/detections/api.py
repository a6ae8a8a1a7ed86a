"""`finback.evaluate_detections`: from paths or events to the evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from finback.core.types import Event
from finback.evaluation.detections.audio import Sounds, with_durations
from finback.evaluation.detections.evaluate import DetectionEvaluation, evaluate
from finback.evaluation.detections.facts import read_files
from finback.evaluation.detections.inputs import read_events
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable, FileFacts
from finback.metrics.events import parse_rule

Events = str | Path | Sequence[Event] | Sequence[str] | Sequence[Path] | EventTable


def evaluate_detections(
    truth: Events,
    found: Events,
    match: str | None = None,
    threshold: float | None = None,
    labels: Sequence[str] = (),
    same: Mapping[str, str] | None = None,
    files: str | Path | None = None,
    settings: DetectionSettings | None = None,
) -> DetectionEvaluation:
    """Compare found events with events that are known.

    Args:
        truth: A table of events, a folder of tables, or events.
        found: The same, or the folder of a scan.
        match: When a found event and a true event are one: `iou=0.3`, `collar=3s`, `midpoint`, `overlap`.
        threshold: Found events with a lower score do not count; None: all count.
        labels: The classes to evaluate; (): all.
        same: Label of `truth` -> label of `found` that means the same.
        files: A table of files with any of `duration_s`, `site`, `start_time` and `exhaustive`.
        settings: All other choices; what is given above has precedence.

    Raises:
        InputError: The tables cannot be read or compared.
        SettingsError: A choice does not exist.
    """
    chosen = settings or DetectionSettings()
    if match is not None:
        chosen = replace(chosen, rule=parse_rule(match, chosen.rule.bands))
    if threshold is not None:
        chosen = replace(chosen, threshold=threshold)
    if labels:
        chosen = replace(chosen, labels=tuple(labels))
    if same is not None:
        chosen = replace(chosen, same=same)
    true = table_of(truth, "TRUTH")
    if files is not None:
        true = with_files(true, Path(files))
    return evaluate(true, table_of(found, "FOUND"), chosen)


def read_both(
    truth: Path,
    found: Path,
    label_column: str | None = None,
    files: Path | None = None,
    sounds: Sounds | None = None,
) -> tuple[EventTable, EventTable]:
    """TRUTH and FOUND, with a table of files; with durations of `sounds` where FOUND does not say them."""
    true, given = read_events([truth], "TRUTH", label_column), read_events([found], "FOUND")
    if files is not None:
        true = with_files(true, files)
    if sounds is not None and not given.complete:
        true, given = with_durations(true, sounds), with_durations(given, sounds)
    return true, given


def table_of(given: Events, name: str) -> EventTable:
    """The events of a path, of several, or as they are."""
    if isinstance(given, EventTable):
        return given
    if isinstance(given, str | Path):
        return read_events([Path(given)], name)
    paths = [Path(item) for item in given if isinstance(item, str | Path)]
    if paths:
        return read_events(paths, name)
    return EventTable(name, tuple(event for event in given if isinstance(event, Event)))


def with_files(table: EventTable, path: Path) -> EventTable:
    """The table with what a table of files says, which has precedence."""
    said, notes = read_files(path)
    merged = {
        **table.files,
        **{name: facts.over(table.files.get(name, FileFacts())) for name, facts in said.items()},
    }
    return replace(table, files=merged, notes=(*table.notes, *notes))
