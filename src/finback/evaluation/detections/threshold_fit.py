"""Fitting of thresholds, and of the finder of events, on a scan of recordings whose calls are known.

    fitted = fit_on_scan(run, journal, ["truth.csv"], FitSettings(Target.parse("precision=0.9")))
    save_thresholds(run, fitted)

For each class: of several finders (length of the step filter, merge threshold), the one with the highest F1
of events at its best threshold. The first finder is the default, and another one must be better. Then the
thresholds for the target, on events with their measured boxes, as the tables have them, with a margin for
recordings that were left out (`metrics/threshold_margin.py`). Found events count as false alarms only where
the truth is complete (`exhaustive`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finback.core.errors import InputError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.types import Event
from finback.evaluation.detections.call_sources import (
    Sources,
    call_sources,
    shared_sources,
    source_codes,
)
from finback.evaluation.detections.inputs import read_events
from finback.evaluation.detections.labels import plain
from finback.evaluation.detections.measure import find_units
from finback.evaluation.detections.prepare import Prepared, prepare
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable, FileFacts
from finback.metrics.events import DEFAULT_RULE, MatchRule, parse_rule
from finback.metrics.threshold import ClassCounts, Target, best_f1
from finback.metrics.threshold_margin import choose_together
from finback.models.thresholds import ThresholdsFile, class_threshold, left_out, new_file
from finback.scan.detections import detections
from finback.scan.event_settings import EventSettings, FinderSettings
from finback.scan.journal import Journal
from finback.scan.threshold_choice import run_of

LOWEST = 0.05  # thresholds below this are not tried
STEPS = (None, 0.5, 2.0)  # windows; None: one window
MERGES = (0.1, 0.05, 0.2, 0.4)


@dataclass(frozen=True)
class FitSettings:
    """How thresholds are fitted. `same`: label of the truth -> class of the model."""

    target: Target
    conservative: bool = False
    rule: MatchRule = field(default_factory=lambda: parse_rule(DEFAULT_RULE))
    events: EventSettings = field(default_factory=EventSettings)
    same: Mapping[str, str] = field(default_factory=dict)
    fit_finder: bool = True
    workers: int = 1


@dataclass(frozen=True)
class ScanFit:
    """The result, and notes for the reader."""

    thresholds: ThresholdsFile
    notes: tuple[str, ...]


def fit_on_scan(
    run: RunFolder,
    journal: Journal,
    truth: Sequence[str | Path],
    settings: FitSettings,
    progress: Progress = no_progress,
) -> ScanFit:
    """Fit the thresholds of a run on a scan with tables of true events (see the module).

    Raises `RunError` when the scan was made with another model, `InputError` for tables that cannot be used.
    """
    run_of(journal, run.path)
    true = read_events([Path(path) for path in truth], "TRUTH")
    labels = journal.labels.names
    called = [labels[k] for k in settings.events.called(labels)]
    best: dict[str, tuple[float, FinderSettings, ClassCounts]] = {}
    notes: tuple[str, ...] = ()
    n_groups, hours = 0, None
    finders = _finders(journal, settings)
    sources = call_sources(truth)
    for i, finder in enumerate(progress(finders, "fitting events", len(finders))):
        found, more = _found(journal, settings, finder)
        prepared = prepare(true, found, _evaluated(settings, true, called))
        if i == 0:
            notes = (*prepared.notes, *more, *shared_sources(sources))
            each = prepared.hours[np.isfinite(prepared.hours)]
            hours = float(prepared.hours.max(axis=0).sum()) if len(each) == prepared.hours.size else None
        counts, n_groups = _counts(prepared, called, settings, sources)
        for name, own in counts.items():
            f1 = best_f1(own)
            if name not in best or f1 > best[name][0] + 1e-9:
                best[name] = (f1, finder, own)
    fit = choose_together({name: best[name][2] for name in called}, settings.target, settings.conservative)
    classes = {
        name: class_threshold(choice, best[name][1].model_dump() if settings.fit_finder else None)
        for name, choice in fit.choices.items()
    }
    fitted = new_file(
        run,
        settings.target,
        settings.conservative,
        "events of a scan",
        _digest(journal, true),
        classes,
        match=str(settings.rule),
        n_groups=n_groups,
        hours=hours,
        held_out=left_out(fit.held_out),
    )
    return ScanFit(fitted, notes)


def _finders(journal: Journal, settings: FitSettings) -> list[FinderSettings]:
    """The finders that are tried, the default one first."""
    if not settings.fit_finder or settings.events.method != "boxes":
        return [settings.events.finder]
    window_s = journal.header.window_samples / journal.header.sample_rate
    steps = [None if step is None else step * window_s for step in STEPS]
    tried = [FinderSettings(step_s=step, merge=merge) for step in steps for merge in MERGES]
    return [settings.events.finder, *(finder for finder in tried if finder != settings.events.finder)]


class _Lowest:
    """No thresholds but the lowest."""

    def __init__(self, n: int) -> None:
        self._values = (LOWEST,) * n

    def of(self, path: str) -> Sequence[float]:
        return self._values


def _found(
    journal: Journal, settings: FitSettings, finder: FinderSettings
) -> tuple[EventTable, tuple[str, ...]]:
    """All events of a finder, and the files that were analysed."""
    own = settings.events.model_copy(update={"finder": finder, "by_class": {}, "context": None})
    found = detections(journal, own, _Lowest(len(journal.labels)), settings.workers)
    files = {
        state.file.path: FileFacts(
            duration_s=state.file.n_samples / state.file.sample_rate, start_time=state.file.start_time
        )
        for state in journal.files()
        if not state.reason
    }
    if not files:
        raise RunError(f"{journal.folder}: no recording was analysed", "finish the scan first")
    return EventTable("FOUND", tuple(e.to_event() for e in found.events), files, complete=True), found.notes


def _evaluated(settings: FitSettings, true: EventTable, called: Sequence[str]) -> DetectionSettings:
    """The evaluation; classes that the model does not report are left out."""
    wanted = {plain(name) for name in called}
    same = {label: name for label, name in settings.same.items() if plain(name) in wanted}
    known = [name for name in _labels(true.events) if plain(same.get(name, name)) in wanted]
    if not known:
        raise InputError(
            "no event of the truth is of a class of the model (truth: "
            f"{'; '.join(_labels(true.events)[:5])})",
            "name the classes that are the same: --map 'Orca=Killer whale'",
        )
    return DetectionSettings(rule=settings.rule, same=same)


def _labels(events: Sequence[Event]) -> list[str]:
    return list(dict.fromkeys(event.label for event in events))


def _counts(
    p: Prepared, called: Sequence[str], settings: FitSettings, sources: Sources
) -> tuple[dict[str, ClassCounts], int]:
    """The counts of each class, and the number of groups that are drawn for intervals."""
    units = find_units(p, DetectionSettings(rule=settings.rule))
    score = p.found.arrays.score
    if score is None:
        raise InputError("no event was found in the scan", "scan recordings that hold calls")
    names = {plain(settings.same.get(name, name)): c for c, name in enumerate(p.classes)}
    counts = {}
    for name in called:
        c = names.get(plain(name), -1)
        true = (p.true.of_class == c) & p.true.counted
        found = (p.found.of_class == c) & p.found.counted
        counts[name] = ClassCounts(
            score[found],
            units.of_found[found],
            p.matching.true_score[true],
            units.of_true[true],
            units.n,
            source_codes(sources, p.true.events, np.flatnonzero(true), units.of_true[true]),
        )
    return counts, units.n


def _digest(journal: Journal, true: EventTable) -> str:
    """24 hex digits of the recordings and of the truth."""
    digest = hashlib.blake2b(digest_size=12)
    for state in journal.files():
        digest.update(repr((Path(state.file.path).name, state.file.size, state.file.digest)).encode())
    for event in true.events:
        digest.update(repr((event.file, event.start_s, event.stop_s, event.label)).encode())
    return digest.hexdigest()
