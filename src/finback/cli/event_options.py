"""Options of the step from scores to events, of all commands that take this step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finback.scan.event_settings import EventSettings
    from finback.scan.threshold_choice import ThresholdRequest


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """How events are found and which are left out; docs/explanation/events.md."""

    events: Annotated[
        str, typer.Option(help="How events are found: boxes (change points), hysteresis, or windows.")
    ] = "boxes"
    low: Annotated[
        float, typer.Option(help="Of hysteresis: an event goes on while the score is this high.")
    ] = 0.2
    merge: Annotated[
        float,
        typer.Option(help="Of boxes: two events are one if the score between them falls by less than this."),
    ] = 0.1
    step_s: Annotated[
        float | None,
        typer.Option(
            help="Of boxes: length of the filter that finds changes, in seconds (default: one window).",
            show_default=False,
        ),
    ] = None
    min_duration: Annotated[float, typer.Option(help="Leave out events shorter than this many seconds.")] = (
        0.0
    )
    max_duration: Annotated[
        float | None,
        typer.Option(help="Leave out events longer than this many seconds.", show_default=False),
    ] = None
    join_gap: Annotated[
        float, typer.Option(help="Join detections of a class with at most this many seconds between them.")
    ] = 0.0
    context: Annotated[
        str | None,
        typer.Option(
            help="Keep an event only where its class has so many within that time: 3/60min.",
            show_default=False,
        ),
    ] = None
    background: Annotated[
        list[str] | None,
        typer.Option(
            help="A class that means 'no call', besides noise, background and the like. Repeatable.",
            show_default=False,
        ),
    ] = None
    no_boxes: Annotated[
        bool, typer.Option("--no-boxes", help="Do not measure the bands and times of events.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ThresholdOptions:
    """From which score on an event is a detection."""

    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="Lowest score of a detection: 0.7, or for one class 'Fin whale=0.7'. Repeatable. "
            "(default: what finback thresholds fitted for the run, else 0.5)",
            show_default=False,
        ),
    ] = None
    target: Annotated[
        str | None,
        typer.Option(help="Thresholds for precision=0.9 or recall=0.8, say.", show_default=False),
    ] = None
    thresholds: Annotated[
        Path | None,
        typer.Option(help="TOML file of thresholds by class and by site.", show_default=False),
    ] = None


def event_settings(options: EventOptions) -> EventSettings:
    """The settings that the options mean. Raises `SettingsError`."""
    from finback.core.errors import SettingsError
    from finback.core.settings import build
    from finback.scan.event_settings import ContextRule, EventSettings

    if options.events not in ("boxes", "hysteresis", "windows"):
        raise SettingsError(f"--events {options.events}", "give boxes, hysteresis or windows")
    longest = options.max_duration
    if longest is not None and longest < options.min_duration:
        raise SettingsError(
            f"--max-duration {longest:g} is below --min-duration {options.min_duration:g}", "exchange them"
        )
    values: dict[str, Any] = {
        "method": options.events,
        "finder": {"step_s": options.step_s, "merge": options.merge},
        "low": options.low,
        "min_duration_s": options.min_duration,
        "max_duration_s": longest,
        "join_gap_s": options.join_gap,
        "context": None if options.context is None else ContextRule.parse(options.context),
        "background": tuple(options.background or ()),
        "measure": not options.no_boxes,
    }
    return build(EventSettings, values)


def threshold_request(options: ThresholdOptions, run: str | None = None) -> ThresholdRequest:
    """What was asked for; `run` is the run folder that the scan was made with."""
    from finback.scan.threshold_choice import ThresholdRequest

    return ThresholdRequest(
        threshold=tuple(options.threshold or ()),
        target=options.target,
        model=run,
        file=None if options.thresholds is None else os.path.abspath(options.thresholds),
    )
