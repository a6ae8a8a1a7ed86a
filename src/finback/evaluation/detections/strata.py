"""Parts of an evaluation: by site, by hour of day, by SNR, and the calibration of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from finback.core.types import Event
from finback.evaluation.detections.measure import Bools, Units, at_threshold, plain, select
from finback.evaluation.detections.prepare import EventList, Prepared
from finback.metrics import bootstrap
from finback.metrics.detection_curve import Detections, ratio
from finback.metrics.events import Floats, Ints
from finback.metrics.presence import FEWEST, calibration_error, reliability, score_bins

SNR_WIDTHS = (1, 2, 3, 5, 10, 20)  # dB
MOST_SNR_BINS = 10


def time_of(event: Event, file_start: datetime | None) -> datetime | None:
    """The UTC time of an event's start, if it is known."""
    if event.start_time is not None or file_start is None:
        return event.start_time
    return file_start + timedelta(seconds=event.start_s)


def hours_of_day(part: EventList, p: Prepared) -> Ints:
    """The hour of day (N,) in UTC of each event, -1: unknown."""
    times = [
        time_of(e, p.facts[r].start_time) for e, r in zip(part.events, part.recording.tolist(), strict=True)
    ]
    return np.array([-1 if t is None else t.hour for t in times], dtype=np.int64)


def by_site(p: Prepared, units: Units, of_class: int, threshold: float) -> dict[str, Any]:
    """Rates at the threshold for each site; {} where fewer than two sites are known."""
    sites = [f.site for f in p.facts]
    names = sorted({site for site in sites if site})
    if len(names) < 2:
        return {}
    result = {}
    for name in names:
        inside = np.array([site == name for site in sites], dtype=bool)
        true = (p.true.of_class == of_class) & inside[p.true.recording]
        found = (p.found.of_class == of_class) & inside[p.found.recording]
        d, own = _own_units(select(p, units, true, found), units, inside)
        hours = np.array([p.hours[of_class, inside].sum()])
        row = at_threshold(d, threshold, None, own)
        row["hours"] = plain(hours[0])
        row["false_alarms_per_hour"] = plain(ratio(np.array([float(row["n_false_alarms"])]), hours)[0])
        result[name] = row
    return result


def _own_units(d: Detections, units: Units, inside: Bools) -> tuple[Detections, Units]:
    """The recordings of one site only, drawn among themselves; other units give no intervals here."""
    if units.what != "recording":
        return d, replace(units, draws=None)
    number = np.cumsum(inside) - 1
    n = int(inside.sum())
    draws = units.draws if n > 1 else None
    rows = None if draws is None else bootstrap.draw_groups(n, len(draws), units.seed)
    d = replace(d, true_recording=number[d.true_recording], recording=number[d.recording], n_recordings=n)
    return d, replace(units, n=n, draws=rows)


def by_hour(p: Prepared, units: Units, of_class: int, threshold: float) -> dict[str, Any]:
    """Rates at the threshold for each hour of day (UTC) with events; {} where a time is unknown."""
    true, found = hours_of_day(p.true, p), hours_of_day(p.found, p)
    if (true < 0).any() or (found < 0).any():
        return {}
    own_true, own_found = p.true.of_class == of_class, p.found.of_class == of_class
    hours = sorted({*true[own_true].tolist(), *found[own_found].tolist()})
    return {
        f"{hour:02d}": at_threshold(
            select(p, units, own_true & (true == hour), own_found & (found == hour)), threshold, None, units
        )
        for hour in hours
    }


def by_snr(p: Prepared, units: Units, of_class: int, threshold: float) -> list[dict[str, Any]]:
    """Recall in bins of the SNR of true events; [] where TRUTH states none."""
    own = p.true.of_class == of_class
    snr = np.array([np.nan if e.snr_db is None else e.snr_db for e in p.true.events], dtype=np.float64)
    known = own & np.isfinite(snr)
    if not known.any():
        return []
    edges = snr_edges(snr[known])
    rows = []
    for low, high in pairwise(edges.tolist()):
        inside = known & (snr >= low) & (snr < high)
        if inside.any():
            d = select(p, units, inside, np.zeros(len(p.found.events), dtype=bool))
            now = at_threshold(d, threshold, None, units)
            row = {"low_db": float(low), "high_db": float(high), "n_true": now["n_true"]}
            rows.append({**row, "recall": now["recall"], "recall_ci": now["recall_ci"]})
    return rows


def snr_edges(snr: Floats) -> Floats:
    """Edges of at most `MOST_SNR_BINS` bins of one round width that hold all values."""
    for width in SNR_WIDTHS:
        first, last = np.floor(snr.min() / width), np.floor(snr.max() / width)
        if last - first < MOST_SNR_BINS:
            break
    else:
        width = int(np.ceil((snr.max() - snr.min()) / (MOST_SNR_BINS - 1)))
        first, last = np.floor(snr.min() / width), np.floor(snr.max() / width)
    return np.arange(first, last + 2) * width


def calibration(d: Detections, units: Units) -> dict[str, Any]:
    """Reliability of the scores of events that are right or wrong, and the calibration error, or a reason."""
    score, hit, unit = d.score[d.counted], d.hit[d.counted], d.recording[d.counted]
    empty: dict[str, Any] = {"n": len(score), "ece": None, "ece_ci": None, "bins": []}
    if len(score) < FEWEST:
        return {**empty, "reason": f"{len(score)} events; {FEWEST} are needed"}
    if score.min() < 0 or score.max() > 1:
        return {**empty, "reason": "the scores are not between 0 and 1"}
    bins = score_bins(score)
    total, mean, share = reliability(score, hit, bins, np.ones((1, len(score))))
    ece_ci: list[float] | None = None
    share_ci: list[list[float] | None] = [None] * total.shape[1]
    if units.draws is not None:
        parts = [
            reliability(score, hit, bins, rows[:, unit].astype(float))
            for rows in _chunks(units.draws, len(score))
        ]
        drawn = [np.concatenate(x) for x in zip(*parts, strict=True)]
        ece_ci = bootstrap.percentiles(calibration_error(*drawn))
        share_ci = [
            bootstrap.share_interval(drawn[2][:, k], float(share[0, k]), len(np.unique(unit[bins == k])))
            for k in range(total.shape[1])
        ]
    rows = [
        {
            "low": float(score[bins == k].min()),
            "high": float(score[bins == k].max()),
            "n": int(total[0, k]),
            "score": float(mean[0, k]),
            "precision": float(share[0, k]),
            "precision_ci": share_ci[k],
        }
        for k in range(total.shape[1])
    ]
    return {
        "n": len(score),
        "ece": plain(calibration_error(total, mean, share)[0]),
        "ece_ci": ece_ci,
        "bins": rows,
        "reason": "",
    }


def _chunks(draws: Ints, n: int, most: int = 4_000_000) -> Sequence[Ints]:
    rows = max(1, most // max(1, n))
    return [draws[i : i + rows] for i in range(0, len(draws), rows)]
