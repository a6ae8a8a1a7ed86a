"""Precision, recall, F1, average precision and false alarms per hour, with intervals, as plain values.

Intervals are 95 % intervals of a bootstrap over units: recordings, sites, or hours of one recording. What is
undefined is None, never 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.evaluation.detections.prepare import EventList, Prepared
from finback.evaluation.detections.settings import RECALLS, DetectionSettings
from finback.metrics import bootstrap
from finback.metrics.bootstrap import rate_interval, share_interval
from finback.metrics.detection_curve import DetectionCounts, Detections, detections, over_draws, ratio
from finback.metrics.events import Floats, Ints

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Units:
    """What is drawn: the unit of each recording's events, and how many there are.

    `of_true`, `of_found`: codes of all events. `draws` (B, U) is None where intervals make no sense: fewer
    than two units. `hours` (C, U): effort where false alarms can be found, NaN: unknown.
    """

    what: str
    n: int
    of_true: Ints
    of_found: Ints
    hours: Floats
    draws: NDArray[np.int64] | None
    seed: int = 0


def find_units(p: Prepared, settings: DetectionSettings) -> Units:
    """The units of the bootstrap: recordings; of a single recording, its hours; or as asked."""
    what = settings.resample
    if what == "auto":
        what = "recording" if len(p.recordings) > 1 else "hour"
    if what == "none":
        what, draws = "recording", 0
    else:
        draws = settings.n_boot
    if what == "hour":
        codes, hours = _hours_of(p)
    else:
        of_recording, n = np.arange(len(p.recordings)), len(p.recordings)
        if what == "site":
            of_recording, n = bootstrap.group_codes([facts.site or "?" for facts in p.facts])
        codes = (of_recording[p.true.recording], of_recording[p.found.recording])
        hours = p.hours @ (of_recording[:, None] == np.arange(n)) if what == "site" else p.hours
    n = hours.shape[1]
    rows = bootstrap.draw_groups(n, draws, settings.seed) if n > 1 and draws else None
    return Units(what, n, *codes, hours, rows, settings.seed)


def _hours_of(p: Prepared) -> tuple[tuple[Ints, Ints], Floats]:
    """Hours of each recording as units: events by their middles, effort by the part of each hour."""
    keys: dict[tuple[int, int], int] = {}
    codes = []
    for part in (p.true, p.found):
        which = zip(part.recording.tolist(), (part.arrays.middle // 3600).astype(int).tolist(), strict=True)
        codes.append(np.array([keys.setdefault(key, len(keys)) for key in which], dtype=np.int64))
    effort_s = [f.heard_s for f in p.facts]
    for r, seconds in enumerate(effort_s):
        for h in range(int(np.ceil((seconds or 0.0) / 3600))):
            keys.setdefault((r, h), len(keys))
    hours = np.zeros((len(p.classes), len(keys)))
    for (r, h), unit in keys.items():
        if (seconds := effort_s[r]) is None:
            hours[:, unit] = np.nan
        else:  # each hour has the recording's share that is annotated in full
            part_s = min(max(seconds - 3600 * h, 0.0), 3600.0)
            hours[:, unit] = p.hours[:, r] * (part_s / seconds if seconds else 0.0)
    return (codes[0], codes[1]), hours


def plain(value: float | np.floating[Any]) -> float | None:
    """The number, None for NaN."""
    return None if np.isnan(value) else float(value)


def select(
    p: Prepared, units: Units, true: Bools, found: Bools, thresholds: Floats | None = None
) -> Detections:
    """The curve's input of some of the true events and of the found events.

    `thresholds` (C,) of the classes: scores become 1 at or above them and 0 below, so that classes with
    different thresholds are counted together at 1.
    """
    d = detections(p.matching, p.found.arrays, (units.of_true, units.of_found, units.n), _counted(p))
    if thresholds is not None:
        d = replace(
            d,
            score=(d.score >= thresholds[p.found.of_class]).astype(np.float64),
            true_score=(d.true_score >= thresholds[p.true.of_class]).astype(np.float64),
        )
    return replace(
        d,
        true_score=d.true_score[true],
        true_recording=d.true_recording[true],
        true_counted=d.true_counted[true],
        score=d.score[found],
        hit=d.hit[found],
        recording=d.recording[found],
        counted=d.counted[found],
    )


def _counted(p: Prepared) -> tuple[Bools, Bools]:
    return p.true.counted, p.found.counted


def at_threshold(d: Detections, threshold: float, hours: Floats | None, units: Units) -> dict[str, Any]:
    """Counts and rates at a threshold; `hours` (U,) of effort, None: no rate of false alarms."""
    now = d.at(threshold)
    result: dict[str, Any] = {
        "n_true": len(d.true_score),
        "n_detections": int((d.score >= threshold).sum()),
        "n_found": int(now.found[0, 0]),
        "n_missed": len(d.true_score) - int(now.found[0, 0]),
        "n_false_alarms": int(now.false_alarms[0, 0]),
        "n_not_counted": int(((d.score >= threshold) & ~d.hit & ~d.counted).sum()),
    }
    drawn = None if units.draws is None else d.at(threshold, units.draws)
    detected = d.recording[(d.score >= threshold) & d.counted]
    of_units = {"recall": np.unique(d.true_recording), "precision": np.unique(detected)}
    of_units["f1"] = np.union1d(of_units["recall"], of_units["precision"])
    for name, counting in of_units.items():
        value = float(getattr(now, name)[0, 0])
        result[name] = plain(value)
        draws = None if drawn is None else getattr(drawn, name)[:, 0]
        result[f"{name}_ci"] = None if draws is None else share_interval(draws, value, len(counting))
    if hours is not None:
        rate = _rate(now.false_alarms[:, 0], hours, None)[0]
        result["false_alarms_per_hour"] = plain(rate)
        rates = None if drawn is None else _rate(drawn.false_alarms[:, 0], hours, units.draws)
        ci = None if rates is None else rate_interval(rates, rate, hours.sum())
        result["false_alarms_per_hour_ci"] = ci
    return result


def _rate(false_alarms: Floats, hours: Floats, draws: NDArray[np.int64] | None) -> Floats:
    """False alarms (B,) per hour of the effort (U,) of the drawn units."""
    effort = np.array([hours.sum()]) if draws is None else draws @ hours
    return ratio(false_alarms, effort)


def over_thresholds(d: Detections, hours: Floats, units: Units) -> tuple[dict[str, Any], Floats | None]:
    """Average precision and false alarms per hour at fixed recall; and the draws' average precision (B,)."""
    now = d.counts()

    def statistics(counts: DetectionCounts) -> Floats:
        rows = [counts.average_precision, *(counts.false_alarms_at_recall(r)[0] for r in RECALLS)]
        return np.stack(rows)

    drawn = None if units.draws is None else over_draws(d, statistics, units.draws)
    n_units = len(np.unique(d.true_recording[d.true_counted]))
    ap = float(now.average_precision[0])
    ap_ci = None if drawn is None else share_interval(drawn[0], ap, n_units)
    result: dict[str, Any] = {
        "average_precision": plain(ap),
        "average_precision_ci": ap_ci,
        "highest_recall": plain(now.recall[0].max()) if now.recall.size else _of_nothing(d),
        "at_recall": {},
    }
    for i, recall in enumerate(RECALLS, 1):
        false_alarms, threshold = now.false_alarms_at_recall(recall)
        rates = None if drawn is None else _rate(drawn[i], hours, units.draws)
        rate = _rate(false_alarms, hours, None)[0]
        result["at_recall"][f"{recall:g}"] = {
            "threshold": plain(threshold[0]),
            "false_alarms_per_hour": plain(rate),
            "false_alarms_per_hour_ci": None if rates is None else rate_interval(rates, rate, hours.sum()),
        }
    return result, None if drawn is None else drawn[0]


def _of_nothing(d: Detections) -> float | None:
    """The highest recall where nothing was found."""
    return 0.0 if len(d.true_score) else None


def curve(d: Detections) -> list[dict[str, float | None]]:
    """The precision-recall curve: the thresholds that find one more true event, and the lowest of all."""
    c = d.counts()
    more = np.diff(c.found[0], prepend=0.0) > 0
    more[-1:] = True
    return [
        {"threshold": float(t), "precision": plain(p), "recall": plain(r), "false_alarms": float(f)}
        for t, p, r, f, shown in zip(
            c.threshold, c.precision[0], c.recall[0], c.false_alarms[0], more, strict=True
        )
        if shown
    ]


def only(part: EventList, of_class: int) -> Bools:
    """Which events are of a class."""
    return part.of_class == of_class
