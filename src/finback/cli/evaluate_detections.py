"""`finback evaluate-detections`: found events against true events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.options import Json, takes

if TYPE_CHECKING:
    from finback.evaluation.detections.evaluate import DetectionEvaluation
    from finback.evaluation.detections.settings import DetectionSettings


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """When two events are one, and which events count."""

    match: Annotated[
        str, typer.Option(help="When two events are one: iou=0.3, collar=3s, midpoint or overlap.")
    ] = "iou=0.3"
    frequency_overlap: Annotated[
        bool, typer.Option("--frequency-overlap", help="Their frequency bands must overlap too, if stated.")
    ] = False
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave out found events with a lower score: 0.7, or for one class 'Fin whale=0.7'. "
            "Repeatable.",
            show_default=False,
        ),
    ] = None
    labels: Annotated[
        list[str] | None, typer.Option(help="Evaluate this class only. Repeatable.", show_default=False)
    ] = None
    map: Annotated[
        list[str] | None,
        typer.Option(
            help="A label of TRUTH and the label of FOUND that means the same: 'Orca=Killer whale'. "
            "Repeatable; or a TOML file of such lines.",
            show_default=False,
        ),
    ] = None
    label_column: Annotated[
        str | None, typer.Option(help="Column of TRUTH that holds the labels.", show_default=False)
    ] = None


@dataclass(frozen=True, kw_only=True)
class EffortOptions:
    """Where and for how long was listened, and where TRUTH is complete."""

    files: Annotated[
        Path | None,
        typer.Option(
            help="Table of files: file, and any of duration_s, site, start_time (UTC), exhaustive.",
            show_default=False,
        ),
    ] = None
    audio: Annotated[
        Path | None,
        typer.Option(help="Folder of the recordings, for durations and for the page.", show_default=False),
    ] = None
    hours: Annotated[
        float | None,
        typer.Option(
            help="Hours of effort where false alarms could be found, if no table states them.",
            show_default=False,
        ),
    ] = None
    exhaustive: Annotated[
        str,
        typer.Option(
            help="Where false alarms are counted: stated (as the column exhaustive says; without one, "
            "everywhere), all, listed (files that TRUTH names), none."
        ),
    ] = "stated"
    not_analysed: Annotated[
        str | None,
        typer.Option(
            help="True events of files that FOUND does not name: leave-out (default for a scan folder) or "
            "missed (default for a table).",
            show_default=False,
        ),
    ] = None
    resample: Annotated[
        str, typer.Option(help="What is drawn for intervals: auto, recording, site, hour, none.")
    ] = "auto"


@takes(which=MatchOptions, effort=EffortOptions)
def evaluate_detections(
    which: MatchOptions,
    effort: EffortOptions,
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", help="Table of true events, or a folder of tables.", show_default=False
        ),
    ],
    found: Annotated[
        Path,
        typer.Argument(
            metavar="FOUND",
            help="Folder of a scan, table of found events, or a folder of tables.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="New folder for evaluation.json, misses.csv, false_alarms.csv and the page report.html.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[int, typer.Option(help="Most misses and most false alarms on the page.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Compare found events with true events: precision, recall, false alarms per hour, misses.

    \b
    Example:
      finback evaluate-detections truth.csv scans/site1
      finback evaluate-detections truth.selections.txt found.csv \\
        --match collar=3s --hours 24 --out evaluation
    """
    settings = _settings(which, effort, listed, seed)  # first: the imports take a second
    from finback.evaluation.detections.api import read_both
    from finback.evaluation.detections.audio import Sounds
    from finback.evaluation.detections.evaluate import evaluate
    from finback.evaluation.detections.results import tables, to_json
    from finback.evaluation.detections.save import check_new, save

    if to is not None:
        check_new(to)
    sounds = Sounds(effort.audio)
    both = read_both(truth, found, which.label_column, effort.files, sounds if effort.audio else None)
    result = evaluate(*both, settings)
    written = [] if to is None else save(result, to, sounds, progress)
    if json:
        out_json({**to_json(result), "out": None if to is None else str(to)})
        return
    _show(result, tables(result))
    for path in written:
        out(str(path))


def _settings(which: MatchOptions, effort: EffortOptions, listed: int, seed: int) -> DetectionSettings:
    from finback.evaluation.detections.options import read_map, read_thresholds
    from finback.evaluation.detections.settings import DetectionSettings
    from finback.metrics.events import parse_rule

    common, by_class = read_thresholds(which.threshold or ())
    choices: Any = {  # checked by the settings
        "exhaustive": effort.exhaustive,
        "not_analysed": effort.not_analysed,
        "resample": effort.resample,
    }
    return DetectionSettings(
        rule=parse_rule(which.match, which.frequency_overlap),
        threshold=common,
        thresholds=by_class,
        same=read_map(which.map or ()),
        labels=tuple(which.labels or ()),
        hours=effort.hours,
        listed=listed,
        seed=seed,
        **choices,
    )


def _show(result: DetectionEvaluation, listed: Any) -> None:
    for note in result.notes:
        say(note)
    if not result.classes:
        out("There is no event in TRUTH or FOUND.")
    for table in listed:
        out_table(table.columns, table.rows, table.title)
        out_prose(table.meaning)
        out("")
