"""Events that were found against events that are known: `finback evaluate-detections`.

result = finback.evaluate_detections("truth.csv", "scan", match="iou=0.3")
result.overall["precision"], result.classes["Fin whale"]["average_precision"]
print(result)  # the same tables as on the command line
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.display import Shown, Table
from finback.core.errors import SettingsError
from finback.evaluation.detections import lists, measure, strata
from finback.evaluation.detections.labels import plain
from finback.evaluation.detections.lists import Listed
from finback.evaluation.detections.prepare import Prepared, prepare
from finback.evaluation.detections.presence import presence
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable
from finback.metrics import bootstrap
from finback.metrics.detection_curve import ratio
from finback.metrics.events import Floats

LOWEST = float(np.finfo(np.float64).min)  # a threshold that every score reaches
HIGH = 0.1  # a table whose scores begin here or higher was perhaps cut


@dataclass(frozen=True, repr=False)
class DetectionEvaluation:
    """The result: rates over all classes and for each class, lists of events to look at, and notes.

    `overall` and each of `classes` hold the keys that docs/json.md lists; None is undefined. `curves` are the
    precision-recall curves.
    """

    settings: DetectionSettings
    recordings: tuple[str, ...]
    resampled: str | None  # what the intervals are over; None: there are none
    overall: Mapping[str, Any]
    classes: Mapping[str, Mapping[str, Any]]
    curves: Mapping[str, Sequence[Mapping[str, float | None]]]
    misses: tuple[Listed, ...]
    false_alarms: tuple[Listed, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()

    def _shown(self) -> Shown:
        from finback.evaluation.detections.results import tables  # which reads this class

        made = tables(self)
        shown = tuple(Table(table.columns, table.rows, table.title) for table in made)
        return Shown((*(table.meaning for table in made), *self.notes), shown)


def evaluate(true: EventTable, found: EventTable, settings: DetectionSettings) -> DetectionEvaluation:
    """Evaluate found events. Raises `InputError` for tables that cannot be compared."""
    p = prepare(true, found, settings)
    units = measure.find_units(p, settings)
    thresholds = _thresholds(p, settings)
    hours, notes = _hours(p, units, settings)
    cells = presence(p, thresholds, settings)
    classes: dict[str, dict[str, Any]] = {}
    curves: dict[str, list[dict[str, float | None]]] = {}
    drawn_ap: list[Floats | None] = []
    for c, name in enumerate(p.classes):
        d = measure.select(p, units, p.true.of_class == c, p.found.of_class == c)
        threshold = float(thresholds[c])
        row = measure.at_threshold(d, threshold, hours[c], units)
        row["threshold"] = threshold if threshold > LOWEST else None
        row["hours"] = measure.plain(hours[c].sum())
        ap = None
        if p.scored:
            over, ap = measure.over_thresholds(d, hours[c], units)
            row |= over
            row["scores_begin_at"] = _lowest_score(p, p.found.of_class == c)
            row["calibration"] = strata.calibration(d, units)
            curves[name] = measure.curve(d)
        drawn_ap.append(ap)
        row["by_site"] = strata.by_site(p, units, c, threshold)
        row["by_hour"] = strata.by_hour(p, units, c, threshold)
        row["by_snr"] = strata.by_snr(p, units, c, threshold)
        row["presence"] = cells[c]
        classes[name] = row
    overall = _overall(p, units, thresholds, hours, (classes, drawn_ap))
    return DetectionEvaluation(
        settings,
        p.recordings,
        _resampled(units),
        overall,
        classes,
        curves,
        tuple(lists.misses(p, thresholds, settings.listed)),
        tuple(lists.false_alarms(p, thresholds, settings.listed)),
        (*p.notes, *notes, *_cut(overall)),
    )


def _thresholds(p: Prepared, settings: DetectionSettings) -> Floats:
    """The threshold (C,) of each class; `LOWEST`: all found events count."""
    common = LOWEST if settings.threshold is None else settings.threshold
    by_class = {plain(name): value for name, value in settings.thresholds.items()}
    unknown = [n for n in settings.thresholds if plain(n) not in {plain(name) for name in p.classes}]
    if unknown:
        raise SettingsError(
            f"a threshold for '{unknown[0]}', which is no class", f"there are: {'; '.join(p.classes)}"
        )
    return np.array([by_class.get(plain(name), common) for name in p.classes], dtype=np.float64)


def _hours(p: Prepared, units: measure.Units, settings: DetectionSettings) -> tuple[Floats, list[str]]:
    """Hours (C, U) of effort, and why they are not known."""
    hours = units.hours
    if settings.hours is not None:  # spread evenly: a draw of as many units has as many hours
        return np.full(hours.shape, settings.hours / max(1, units.n)), []
    unknown = np.isnan(p.hours).any(axis=0)
    if not unknown.any():
        return hours, []
    first = p.recordings[int(np.flatnonzero(unknown)[0])]
    return hours, [
        f"the duration of {int(unknown.sum())} of {len(p.recordings)} recordings is not known ('{first}'): "
        "there are no false alarms per hour; give --hours, --files TABLE or --audio FOLDER"
    ]


def _resampled(units: measure.Units) -> str | None:
    return None if units.draws is None else f"{units.n} {units.what}s"


def _overall(
    p: Prepared,
    units: measure.Units,
    thresholds: Floats,
    hours: Floats,
    of_classes: tuple[Mapping[str, Mapping[str, Any]], list[Floats | None]],
) -> dict[str, Any]:
    """All classes counted together, and the mean average precision of those that TRUTH has."""
    classes, drawn = of_classes
    every_true, every_found = (np.ones(len(part.events), dtype=bool) for part in (p.true, p.found))
    d = measure.select(p, units, every_true, every_found, thresholds)
    same = bool(len(hours)) and bool(np.all((hours == hours[0]) | (np.isnan(hours) & np.isnan(hours[0]))))
    result = measure.at_threshold(d, 1.0, hours[0] if same else None, units)
    result["hours"] = measure.plain(hours[0].sum()) if same else None
    if p.scored:
        values = [row["average_precision"] for row in classes.values()]
        known = [i for i, value in enumerate(values) if value is not None]
        result["mean_average_precision"] = float(np.mean([values[i] for i in known])) if known else None
        draws = [drawn[i] for i in known]
        ci = None
        if draws and all(draw is not None for draw in draws):
            stacked = np.stack([draw for draw in draws if draw is not None])
            n_defined = np.isfinite(stacked).sum(axis=0).astype(np.float64)
            ci = bootstrap.percentiles(ratio(np.nansum(stacked, axis=0), n_defined))
        result["mean_average_precision_ci"] = ci
        result["scores_begin_at"] = _lowest_score(p, every_found)
    return result


def _lowest_score(p: Prepared, chosen: NDArray[np.bool_]) -> float | None:
    """The lowest score of some found events; None without any."""
    score = p.found.arrays.score
    return None if score is None or not chosen.any() else float(score[chosen].min())


def _cut(overall: Mapping[str, Any]) -> list[str]:
    """A note where FOUND was perhaps cut at a threshold before."""
    begin = overall.get("scores_begin_at")
    if begin is None or begin < HIGH:
        return []
    return [
        f"the scores in FOUND begin at {begin:.2g}: if events below it were left out, average precision and "
        "the highest recall are cut there too; for the whole curve, make the table with a low threshold "
        "(finback tables DIR --threshold 0.02 --out NEW)"
    ]
