"""`finback thresholds`: from which score on an event is a detection, for each class of a run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.event_options import EventOptions, event_settings
from finback.cli.options import Json, takes

if TYPE_CHECKING:
    from finback.core.runs.folder import RunFolder
    from finback.models.thresholds import ThresholdsFile


@dataclass(frozen=True, kw_only=True)
class TruthOptions:
    """Recordings whose calls are known, and how events are compared with them."""

    scan: Annotated[
        Path | None,
        typer.Option(
            help="A scan of recordings whose calls are known (default: the validation set of the run).",
            show_default=False,
        ),
    ] = None
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="Table of the calls in these recordings. Repeatable.", show_default=False),
    ] = None
    match: Annotated[
        str, typer.Option(help="When two events are one: iou=0.3, collar=3s, midpoint or overlap.")
    ] = "iou=0.3"
    map: Annotated[
        list[str] | None,
        typer.Option(
            help="A label of the truth and the class that means the same: 'Orca=Killer whale'. Repeatable.",
            show_default=False,
        ),
    ] = None
    workers: Annotated[int, typer.Option(help="Processes that measure boxes.")] = 1


@takes(known=TruthOptions, events=EventOptions)
def thresholds(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder or a bundled model.", show_default=False)
    ],
    known: TruthOptions,
    events: EventOptions,
    target: Annotated[
        str | None,
        typer.Option(help="What to reach: precision=0.9 or recall=0.8, say.", show_default=False),
    ] = None,
    conservative: Annotated[
        bool, typer.Option("--conservative", help="The target must be reached with 95 % confidence.")
    ] = False,
    json: Json = False,
) -> None:
    """Fit the threshold of each class to a target precision or recall, and store it in the run.

    Without --target the stored thresholds are shown. Thresholds change no stored score: make the tables of a
    scan again with finback tables.

    \b
    Example:
      finback thresholds runs/mine --target precision=0.9
      finback thresholds runs/mine --target precision=0.9 --scan scans/known \\
        --truth truth.csv
      finback thresholds runs/mine
    """
    _check(known, target)
    from finback.models.load import open_run
    from finback.models.thresholds import save_thresholds

    folder = open_run(run, "classifier")
    if target is None:
        fitted = _stored(folder, run)
    else:
        fitted = _fit(folder, target, conservative, known, events)
        save_thresholds(folder, fitted)
    if json:
        out_json({"run": str(folder.path), **fitted.model_dump(mode="json")})
    else:
        _show(fitted)


def _check(known: TruthOptions, target: str | None) -> None:
    from finback.core.errors import InputError

    if known.scan is None and known.truth:
        raise InputError("--truth without --scan", "give the scan of these recordings: --scan DIR")
    if known.scan is not None and not known.truth:
        raise InputError("--scan without --truth", "give the table of the calls: --truth TABLE")
    if known.scan is not None and target is None:
        raise InputError("--scan without --target", "give --target precision=0.9, say")


def _stored(run: RunFolder, name: str) -> ThresholdsFile:
    from finback.core.errors import RunError
    from finback.models.thresholds import read_thresholds

    stored = read_thresholds(run)
    if stored is None:
        raise RunError(
            f"{run.path}: no thresholds were fitted",
            f"fit them: finback thresholds {shlex.quote(name)} --target precision=0.9",
        )
    return stored


def _fit(
    run: RunFolder, target: str, conservative: bool, known: TruthOptions, events: EventOptions
) -> ThresholdsFile:
    from finback.metrics.threshold import Target
    from finback.models.thresholds import fit_on_validation

    wanted = Target.parse(target)
    if known.scan is None:
        return fit_on_validation(run, wanted, conservative)
    from finback.evaluation.detections.options import read_map
    from finback.evaluation.detections.threshold_fit import FitSettings, fit_on_scan
    from finback.metrics.events import parse_rule
    from finback.scan.journal import Journal

    own = (wanted, conservative, parse_rule(known.match), event_settings(events), read_map(known.map or ()))
    settings = FitSettings(*own, workers=known.workers)
    result = fit_on_scan(run, Journal.read(known.scan), known.truth or (), settings, progress)
    for note in result.notes:
        say(f"note: {note}")
    return result.thresholds


def _show(fitted: ThresholdsFile) -> None:
    from finback.models.thresholds import DEFAULT, left_out_text, unreached

    out(f"target {fitted.target}, fitted on {fitted.fitted_on}")
    out_table(
        ("class", "threshold", "precision", "95 %", "recall", "calls", "false alarms"),
        [
            (
                *(name, "none" if row.threshold is None else row.threshold, row.precision),
                "" if row.precision_interval is None else "{:.2f}-{:.2f}".format(*row.precision_interval),
                *(row.recall, row.n_calls, row.n_false),
            )
            for name, row in fitted.classes.items()
        ],
    )
    if fitted.held_out is not None:
        out(left_out_text(fitted.held_out))
    for name, row in fitted.classes.items():
        if row.threshold is None:
            out(f"{name}: {unreached(row, fitted.target)}; its threshold stays {DEFAULT}")
        elif row.few:
            out(f"{name}: few calls ({row.n_calls}), so its threshold is a guess")
    if fitted.fitted_on == "validation clips":
        out(
            "Precision is that of clips, with as many calls as in the labels. In the sea calls are rarer: "
            "measure it on a recording with truth (--scan, --truth)."
        )
