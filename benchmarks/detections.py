"""Detection in soundscapes of tapes and noise that the model has not heard: boxes, hysteresis, thresholds.

    python benchmarks/detections.py [--quick] [--simulated] [--work DIR] [--epochs N]

`detection_data` makes the soundscapes. A small cnn2d learns the species and the background from the training
soundscapes. Then the fit and the test soundscapes are scanned, and the window scores become events in three
ways (`scan/events.py`). Everything that can be chosen (thresholds) is chosen on the fit soundscapes; nothing
is chosen on the test soundscapes. The table has a row for each way, on the test soundscapes:

- with the threshold of each class that gave the best F1 on the fit soundscape: precision, recall, F1, false
  alarms per hour, recall by SNR, and the mean average precision (over all thresholds);
- with thresholds fitted for a precision of 0.9: one for each class, and one for all classes. A class that
  never reaches it on the fit soundscape is silent. The last two rows are those of `finback thresholds`, which
  also fits the finder of boxes and has a margin for recordings that were left out; "careful" asks for 95 %
  confidence (`--conservative`).

A found event and a call match with an overlap of at least 0.3 of their union. Intervals are from a bootstrap
over recordings. "real" and "sea" are soundscapes in real and in simulated noise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from detection_data import RATE, WINDOW_S, soundscapes, sources, training_table

from finback.core.runs.folder import RunFolder
from finback.core.types import Event
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.datasets.simulate.soundscape import Soundscape
from finback.datasets.simulate.soundscape.tables import BACKGROUND
from finback.evaluation.detections.api import table_of, with_files
from finback.evaluation.detections.evaluate import DetectionEvaluation, evaluate
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable
from finback.evaluation.detections.threshold_fit import FitSettings, fit_on_scan
from finback.metrics.events import parse_rule
from finback.metrics.threshold import Target
from finback.models.thresholds import Thresholds
from finback.scan.detections import detections
from finback.scan.event_settings import EventSettings, FinderSettings
from finback.scan.events import find_events
from finback.scan.journal import Journal
from finback.scan.scan import scan
from finback.scan.spans import ScoredSound
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

METHODS = ("boxes", "hysteresis", "windows")
HOP_S = 0.25
TARGET = 0.9
SILENT = 2.0  # a threshold that no score reaches
GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)  # of plain thresholds
RULE = parse_rule("iou=0.3")
Levels = Mapping[str, float]


@dataclass(frozen=True)
class Scanned:
    """A soundscape and the scores of its windows."""

    name: str
    truth: EventTable
    sounds: tuple[ScoredSound, ...]
    made: Soundscape
    journal: Journal

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(name for name in self.sounds[0].labels.names if name != BACKGROUND)

    def events(self, method: str, thresholds: Levels | None = None) -> list[Event]:
        """The events of a method; those of plain thresholds need them, the others are cut by them later."""
        settings = EventSettings(method=method, measure=False)
        names = self.sounds[0].labels.names
        levels = None if thresholds is None else [thresholds.get(name, SILENT) for name in names]
        return [e.to_event() for s in self.sounds for e in find_events(s, settings, levels)]

    def judged(
        self, events: Sequence[Event], thresholds: Levels, n_boot: int, snr_db: float | None = None
    ) -> DetectionEvaluation:
        """The events compared with the truth, or with its calls of one SNR."""
        truth = self.truth
        if snr_db is not None:
            truth = replace(truth, events=tuple(e for e in truth.events if e.snr_db == snr_db))
        classes = {e.label for e in (*truth.events, *events)}
        levels = {name: level for name, level in thresholds.items() if name in classes}
        settings = DetectionSettings(rule=RULE, thresholds=levels, n_boot=n_boot)
        return evaluate(truth, table_of(list(events), "FOUND"), settings)


def trained(work: Path, labels: Path, epochs: int) -> Path:
    """A run folder: cnn2d on windows of one second, each band relative to its median in the recording."""
    length = f"clip_samples={round(RATE * WINDOW_S)}"
    features = (length, "n_fft=1024", "hop=256", "n_frames=87", "background=median")
    more = [*(f"features.{one}" for one in features), f"training.epochs={epochs}"]
    settings = resolve("watkins", more, "cnn2d", split={"fractions": (0.75, 0.25, 0.0)})
    data = prepare_request(IndexRequest(audio=work, labels=labels), settings.rare)
    return train(Plan("cnn2d", settings, 0, "cpu"), data, work / "run").path


def scanned(run: Path, made: Soundscape, work: Path) -> Scanned:
    result = scan(run, made.audio, work / f"scan-{made.folder.name}", hop_s=HOP_S, workers=2)
    truth = with_files(table_of(made.truth, "TRUTH"), made.folder / "files.csv")
    return Scanned(made.folder.name, truth, tuple(result.journal.sounds()), made, result.journal)


def fitted(fit: Scanned, method: str, best: Callable[[list[dict[str, Any]]], float]) -> dict[str, float]:
    """The threshold of each class that is best on a soundscape."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in fit.labels}
    if method == "windows":
        for level in GRID:
            levels = dict.fromkeys(fit.labels, level)
            judged = fit.judged(fit.events(method, levels), levels, 2)
            for name, row in judged.classes.items():
                if name in rows:
                    rows[name].append({**row, "threshold": level})
    else:
        judged = fit.judged(fit.events(method), {}, 2)
        for name, curve in judged.curves.items():
            rows[name] += [dict(row) for row in curve]
    return {name: best(of_class) for name, of_class in rows.items()}


def best_f1(rows: list[dict[str, Any]]) -> float:
    """The threshold with the highest F1."""
    scored = [
        (2 * r["precision"] * r["recall"] / (r["precision"] + r["recall"]), -r["threshold"])
        for r in rows
        if r["precision"] and r["recall"]
    ]
    return -max(scored)[1] if scored else SILENT


def precise(rows: list[dict[str, Any]]) -> float:
    """The lowest threshold from which on the precision is the target."""
    good = [r["threshold"] for r in rows if r["precision"] is not None and r["precision"] >= TARGET]
    return min(good, default=SILENT)


def one_precise(fit: Scanned, method: str) -> dict[str, float]:
    """The lowest threshold for all classes together that reaches the target."""
    events = fit.events(method) if method != "windows" else []
    levels = GRID if method == "windows" else np.unique([e.score or 0 for e in events])[::8].tolist()
    for level in levels:
        same = dict.fromkeys(fit.labels, float(level))
        found = fit.events(method, same) if method == "windows" else events
        precision = fit.judged(found, same, 2).overall["precision"]
        if precision is not None and precision >= TARGET:
            return same
    return dict.fromkeys(fit.labels, SILENT)


def interval(row: Mapping[str, Any], key: str, digits: int = 2) -> str:
    value, span = row.get(key), row.get(f"{key}_ci")
    if value is None:
        return "-"
    low, high = span if span else (float("nan"), float("nan"))
    return f"{value:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def line(*cells: str) -> str:
    return f"{cells[0]:24}" + "".join(f"{cell:>21}" for cell in cells[1:])


def by_command(run: RunFolder, fit: Scanned, test: Scanned, careful: bool, n_boot: int) -> str:
    """A row for the thresholds of `finback thresholds`: its finder of boxes is fitted for each class."""
    events = EventSettings(measure=False)
    asked = FitSettings(Target("precision", TARGET), careful, RULE, events)
    fitted = fit_on_scan(run, fit.journal, [fit.made.truth], asked).thresholds
    finders = {
        name: FinderSettings.model_validate(row.finder)
        for name, row in fitted.classes.items()
        if row.finder is not None
    }
    limits = Thresholds.of_run(run.info.labels, fitted)
    reached = {name for name, row in fitted.classes.items() if row.threshold is not None}
    rows = []
    for side in (fit, test):
        found = detections(side.journal, EventSettings(by_class=finders, measure=False), limits)
        events = [e.to_event() for e in found.events if e.label in reached]
        rows.append(side.judged(events, {}, n_boot).overall)
    shown = [interval(rows[0], "precision"), interval(rows[1], "precision")]
    what = "finback thresholds" + (", careful" if careful else "")
    return line(what, *shown, interval(rows[1], "recall"), str(len(reached)))


def report(run: Path, fit: Scanned, test: Scanned, n_boot: int) -> None:
    """The rows of one pair of soundscapes."""
    snrs = sorted({e.snr_db for e in test.truth.events if e.snr_db is not None})
    print(f"\n{test.name}: {len(test.truth.events)} calls; thresholds from {fit.name}")
    print(line("thresholds for best F1", "precision", "recall", "F1", "false alarms/h", "mean AP"))
    by_snr = []
    for method in METHODS:
        levels = fitted(fit, method, best_f1)
        events = test.events(method, levels if method == "windows" else None)
        row = test.judged(events, levels, n_boot).overall
        shown = [interval(row, key) for key in ("precision", "recall", "f1")]
        ap = "-" if method == "windows" else interval(row, "mean_average_precision")
        print(line(method, *shown, interval(row, "false_alarms_per_hour", 0), ap))
        at = [test.judged(events, levels, n_boot, snr).overall for snr in snrs]
        by_snr.append(line(method, *(interval(one, "recall") for one in at)))
    print(line("recall by SNR", *(f"{snr:g} dB" for snr in snrs)), *by_snr, sep="\n")
    print(line(f"for precision {TARGET}", "on fit", "on test", "recall on test", "classes that speak"))
    for method in METHODS:
        for what, levels in (("each class", fitted(fit, method, precise)), ("all", one_precise(fit, method))):
            rows = []
            for side in (fit, test):
                events = side.events(method, levels if method == "windows" else None)
                rows.append(side.judged(events, levels, n_boot).overall)
            speaking = sum(level < SILENT for level in levels.values())
            shown = [interval(rows[0], "precision"), interval(rows[1], "precision")]
            print(line(f"{method}, {what}", *shown, interval(rows[1], "recall"), str(speaking)))
    for careful in (False, True):
        print(by_command(RunFolder.open(run), fit, test, careful, n_boot))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--quick", action="store_true", help="little sound, for a trial")
    options.add_argument(
        "--simulated", action="store_true", help="simulated calls, even if real ones are there"
    )
    options.add_argument("--work", type=Path, help="folder for soundscapes, run and scans, which are kept")
    options.add_argument("--epochs", type=int, default=40)
    asked = options.parse_args()
    started = time.perf_counter()
    work = asked.work or Path(tempfile.mkdtemp())
    found = sources(not asked.simulated)
    print(found.what)
    made = soundscapes(work, found, asked.quick)
    labels = training_table(work, made["train"])
    print(f"soundscapes: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    run = work / "run"
    if not (run / "weights.safetensors").is_file():
        run = trained(work, labels, 12 if asked.quick else asked.epochs)
    print(f"trained: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    for fit, test in zip(made["fit"], made["test"], strict=True):
        pair = [scanned(run, one, work) for one in (fit, test)]
        report(run, *pair, 200 if asked.quick else 1000)
    print(f"all: {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
