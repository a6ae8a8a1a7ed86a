"""The result of an evaluation as JSON, as tables of text, and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finback.core.types import Event
from finback.evaluation.detections.evaluate import DetectionEvaluation
from finback.evaluation.detections.lists import Listed
from finback.report.pages.common import Table, count, percent

DASH = "–"


def to_json(result: DetectionEvaluation) -> dict[str, Any]:
    """All numbers as plain values."""
    listed = result.settings.listed
    return {
        "match": str(result.settings.rule),
        "threshold": result.settings.threshold,
        "exhaustive": result.settings.exhaustive,
        "n_recordings": len(result.recordings),
        "resampled": result.resampled,
        "overall": dict(result.overall),
        "classes": {
            name: {**row, "curve": result.curves.get(name, [])} for name, row in result.classes.items()
        },
        "misses": [_event(one) for one in result.misses[:listed]],
        "false_alarms": [_event(one) for one in result.false_alarms[:listed]],
        "notes": list(result.notes),
    }


def _event(one: Listed) -> dict[str, Any]:
    event = one.event
    return {
        "file": one.recording,
        "start_s": event.start_s,
        "end_s": event.stop_s,
        "label": one.label,
        "score": event.score,
        "snr_db": event.snr_db,
        "start_utc": None if event.start_time is None else event.start_time.isoformat(),
        "remark": one.remark,
    }


def events_of(listed: Sequence[Listed]) -> list[Event]:
    """The events themselves."""
    return [one.event for one in listed]


def verdict(result: DetectionEvaluation) -> str:
    """What was found of all classes together, and how far this can be trusted."""
    row = result.overall
    n_true, n_found, n_false = (int(row[key]) for key in ("n_true", "n_found", "n_false_alarms"))
    if not n_true:
        text = f"TRUTH has no events, so recall cannot be measured; {count(n_false, 'false alarm')}"
    else:
        within = f" (95 % interval {_percents(row['recall_ci'])})" if row.get("recall_ci") else ""
        text = (
            f"{n_found} of {count(n_true, 'true event')} {'was' if n_found == 1 else 'were'} found, "
            f"{percent(n_found / n_true, 0)}{within}, with {count(n_false, 'false alarm')}"
        )
    if row.get("false_alarms_per_hour") is not None:
        text += f", {row['false_alarms_per_hour']:.3g} per hour"
    if result.resampled is None:
        return f"{text}. There is no interval, so other recordings may give very different figures."
    return f"{text}. The interval is over {result.resampled}: it says nothing about other places and seasons."


def _percents(ends: Sequence[float]) -> str:
    return f"{100 * ends[0]:.0f} to {100 * ends[1]:.0f} %"


def tables(result: DetectionEvaluation) -> list[Table]:
    """The result as short tables: rates of each class, and presence."""
    return [_rates(result), _presence(result)] if result.classes else []


def _rates(result: DetectionEvaluation) -> Table:
    rows = [_row(name, row) for name, row in result.classes.items()]
    if len(rows) > 1:
        rows.append(_row("all", result.overall))
    scored = "mean_average_precision" in result.overall
    columns = ["class", "true", "found", "missed", "false", "precision", "recall", "F1"]
    columns += ["AP", "false/h", "false/h at recall 0.5", "0.8", "0.9"] if scored else ["false/h"]
    return Table(
        "Events",
        f"Matched by {result.settings.rule}. {_intervals(result)} AP: average precision over all thresholds. "
        "A dash is undefined, or a recall that no threshold reaches.",
        columns,
        [row[: len(columns)] for row in rows] if scored else [[*row[:8], row[9]] for row in rows],
    )


def _intervals(result: DetectionEvaluation) -> str:
    if result.resampled is None:
        return "There are no intervals: they need at least two recordings, sites or hours."
    return f"In brackets: 95 % intervals over {result.resampled}."


def _row(name: str, row: Mapping[str, Any]) -> list[str]:
    ap = "average_precision" if "average_precision" in row else "mean_average_precision"
    at_recall = row.get("at_recall", {})
    return [
        name,
        *(str(row[key]) for key in ("n_true", "n_found", "n_missed", "n_false_alarms")),
        *(share(row, key) for key in ("precision", "recall", "f1")),
        share(row, ap),
        rate(row),
        *(rate(at_recall.get(recall, {})) for recall in ("0.5", "0.8", "0.9")),
    ]


def share(row: Mapping[str, Any], key: str) -> str:
    """`0.71 (0.55-0.83)`."""
    return _within(row.get(key), row.get(f"{key}_ci"), ".2f")


def rate(row: Mapping[str, Any]) -> str:
    """False alarms per hour, with their interval."""
    return _within(row.get("false_alarms_per_hour"), row.get("false_alarms_per_hour_ci"), ".3g")


def _within(value: float | None, ends: Sequence[float] | None, form: str) -> str:
    if value is None:
        return DASH
    return f"{value:{form}}" + (f" ({ends[0]:{form}}-{ends[1]:{form}})" if ends else "")


def _presence(result: DetectionEvaluation) -> Table:
    rows, clock = [], "file"
    for name, row in result.classes.items():
        for kind, cells in row["presence"].items():
            clock = cells["clock"]
            counts = (str(cells[key]) for key in ("n_true", "n_found", "n_both"))
            n = DASH if cells["n_cells"] is None else str(cells["n_cells"])
            shares = (share(cells, key) for key in ("precision", "recall", "accuracy"))
            rows.append([name, kind, n, *counts, *shares])
    of = "in UTC" if clock == "UTC" else "from the beginning of each file"
    return Table(
        "Presence",
        f"Hours and days with calls, counted {of}. analysed: with effort; both: with true and found events.",
        ("class", "in", "analysed", "true", "found", "both", "precision", "recall", "accuracy"),
        rows,
    )
