"""Presence in hours and days: cells that hold true events, that hold detections, and that were analysed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from finback.core.text import counted
from finback.evaluation.detections.annotated import WHOLE
from finback.evaluation.detections.measure import plain
from finback.evaluation.detections.prepare import EventList, Prepared
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.strata import time_of
from finback.metrics import bootstrap
from finback.metrics.presence import presence_rates

HOUR_S = 3600.0
CELLS = {"hours": 1, "days": 24}  # length in hours
Cell = tuple[str, int]  # place, and number of the hour or day


@dataclass(slots=True)
class _Cells:
    """The cells of one class: true, found, and annotated in full."""

    true: set[Cell] = field(default_factory=set)
    found: set[Cell] = field(default_factory=set)
    counted: set[Cell] = field(default_factory=set)


def clock(p: Prepared) -> str:
    """`UTC` where the start time of every recording is known, else `file`: hours from its beginning."""
    return "UTC" if all(f.start_time is not None for f in p.facts) and p.facts else "file"


def presence(p: Prepared, thresholds: np.ndarray, settings: DetectionSettings) -> list[dict[str, Any]]:
    """For each class, hour and day presence: `{"hours": {...}, "days": {...}}`.

    A cell of UTC is of a site; a cell of file time is of a file. Where the durations are not known, only
    cells with events are known, and there is no accuracy.
    """
    utc = clock(p) == "UTC"
    has_effort = all(f.heard_s is not None for f in p.facts) and bool(p.facts)
    results = []
    for c in range(len(p.classes)):
        result = {}
        for name, length in CELLS.items():
            cells = _Cells()
            _add(cells.true, p, p.true, p.true.of_class == c, (utc, length))
            detected = (p.found.of_class == c) & _detected(p, c, thresholds)
            right = p.matching.partner_of_found >= 0
            _add(cells.found, p, p.found, detected & (p.found.counted | right), (utc, length))
            if has_effort:
                cells.counted = set(_heard(p, c, (utc, length)))
            else:
                _add(cells.counted, p, p.true, (p.true.of_class == c) & p.true.counted, (utc, length))
                _add(cells.counted, p, p.found, detected & p.found.counted, (utc, length))
            result[name] = _rates(cells, has_effort, (utc, length), settings)
        results.append(result)
    return results


def _detected(p: Prepared, of_class: int, thresholds: np.ndarray) -> np.ndarray:
    score = p.found.arrays.score
    return np.ones(len(p.found.events), dtype=bool) if score is None else score >= thresholds[of_class]


def _add(cells: set[Cell], p: Prepared, part: EventList, which: np.ndarray, grid: tuple[bool, int]) -> None:
    """The cells that the chosen events touch."""
    utc, length = grid
    for i in np.flatnonzero(which).tolist():
        event, r = part.events[i], int(part.recording[i])
        begin = event.start_s
        if utc:
            when = time_of(event, p.facts[r].start_time)
            begin = when.timestamp() if when is not None else 0.0
        place = p.facts[r].site if utc else p.recordings[r]
        cells.update((place, n) for n in _touched(begin, begin + event.duration_s, length))


def _touched(start: float, stop: float, length: int) -> range:
    """Numbers of the cells of `length` hours that a span touches; its end belongs to the cell before."""
    first = int(start // (HOUR_S * length))
    last = int(np.ceil(stop / (HOUR_S * length)))
    return range(first, max(first + 1, last))


def _heard(p: Prepared, of_class: int, grid: tuple[bool, int]) -> Iterator[Cell]:
    """The cells of the effort that is annotated in full for a class."""
    utc, length = grid
    for r, facts in enumerate(p.facts):
        if not p.hours[of_class, r] > 0:
            continue
        if utc and facts.hours and p.spans(of_class, r) == WHOLE:  # also of a recorder that sleeps
            yield from ((facts.site, int(when.timestamp() // (HOUR_S * length))) for when in facts.hours)
            continue
        begin = facts.start_time.timestamp() if utc and facts.start_time is not None else 0.0
        duration = facts.heard_s if facts.duration_s is None else facts.duration_s
        for start, stop in p.spans(of_class, r):
            until = min(stop, duration or 0.0)
            if until > start:
                place = facts.site if utc else p.recordings[r]
                yield from ((place, n) for n in _touched(begin + start, begin + until, length))


def _rates(
    cells: _Cells, has_effort: bool, grid: tuple[bool, int], settings: DetectionSettings
) -> dict[str, Any]:
    utc, length = grid
    every = sorted(cells.true | cells.found | cells.counted)
    masks = [
        np.array([cell in some for cell in every], dtype=bool)
        for some in (cells.true, cells.found, cells.counted)
    ]
    result: dict[str, Any] = {
        "clock": "UTC" if utc else "file",
        "n_cells": len(every) if has_effort else None,
        "n_true": len(cells.true),
        "n_found": len(cells.found),
        "n_both": len(cells.true & cells.found),
    }
    unit = [(place, n * length // 24 if utc else 0) for place, n in every]
    codes, n_units = bootstrap.group_codes([f"{place}\0{day}" for place, day in unit])
    result["resampled"] = counted(n_units, "day" if utc else "recording")
    now = presence_rates(masks[0], masks[1], masks[2], np.ones((1, len(every))))
    drawn: dict[str, np.ndarray] = {}
    if n_units > 1 and settings.resample != "none":
        rows = bootstrap.draw_groups(n_units, settings.n_boot, settings.seed)
        drawn = _drawn(masks, codes, rows)
    for name, value in now.items():
        known = has_effort or name != "accuracy"
        result[name] = plain(value[0]) if known else None
        of_units = np.unique(codes[masks[{"precision": 1, "recall": 0, "accuracy": 2}[name]]])
        ci = bootstrap.share_interval(drawn[name], float(value[0]), len(of_units)) if drawn else None
        result[f"{name}_ci"] = ci if known else None
    return result


def _drawn(masks: list[np.ndarray], codes: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The rates of draws of units, from the numbers of the eight kinds of cells in each unit."""
    kind = masks[0] * 4 + masks[1] * 2 + masks[2]
    counts = np.zeros((rows.shape[1], 8))
    np.add.at(counts, (codes, kind.astype(int)), 1.0)
    kinds = np.arange(8)
    return presence_rates(kinds >= 4, kinds // 2 % 2 == 1, kinds % 2 == 1, rows @ counts)
