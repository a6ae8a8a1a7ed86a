"""Options of the step from a journal to tables: `finback tables` and `finback scan` have them all."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.event_options import EventOptions, ThresholdOptions, event_settings, threshold_request

if TYPE_CHECKING:
    from finback.scan.table_settings import TableSettings


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Which tables are written, and what sites and days are."""

    format: Annotated[
        list[str] | None,
        typer.Option(
            help="Also write: audacity, kaleidoscope, jsonl, parquet, sqlite (csv and raven are always "
            "written). Repeatable, or separated by commas.",
            show_default=False,
        ),
    ] = None
    site: Annotated[str, typer.Option(help="Name of the site or deployment in the tables.")] = "all"
    sites_by_folder: Annotated[
        bool,
        typer.Option(
            "--sites-by-folder",
            help="Each folder below the common folder is a site, with its name.",
        ),
    ] = False
    least_effort: Annotated[
        float,
        typer.Option(
            help="Seconds of effort that an hour or day needs, else absence is NA.", show_default=False
        ),
    ] = 0.0
    days_in: Annotated[str, typer.Option(help="Time zone of the days: UTC, America/New_York, UTC-5.")] = "UTC"
    occupancy: Annotated[
        bool, typer.Option("--occupancy", help="Also write sites by days for R (0, 1, NA) in occupancy/.")
    ] = False
    mute: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of detections to leave out, for example those of a machine (finback machines).",
            show_default=False,
        ),
    ] = None

    def settings(
        self, events: EventOptions, limits: ThresholdOptions, run: str | None = None
    ) -> TableSettings:
        """The settings for `finback.scan.tables.write_tables`; `run` is the model of the scan.

        Raises `SettingsError`.
        """
        from finback.core.settings import build
        from finback.scan.table_settings import TableSettings

        formats = [name.strip().lower() for text in self.format or () for name in text.split(",")]
        values = {
            "events": event_settings(events),
            "thresholds": threshold_request(limits, run),
            "formats": tuple(name for name in formats if name),
            "site": self.site,
            "sites_by_folder": self.sites_by_folder,
            "least_effort_s": self.least_effort,
            "days_in": self.days_in,
            "occupancy": self.occupancy,
            "mute": None if self.mute is None else os.path.abspath(self.mute),
        }
        return build(TableSettings, values)


# Where the value of each option stands in `TableSettings`.
PLACES: Mapping[str, tuple[str, ...]] = {
    "format": ("formats",),
    "site": ("site",),
    "sites_by_folder": ("sites_by_folder",),
    "least_effort": ("least_effort_s",),
    "days_in": ("days_in",),
    "occupancy": ("occupancy",),
    "mute": ("mute",),
    "events": ("events", "method"),
    "low": ("events", "low"),
    "merge": ("events", "finder", "merge"),
    "step_s": ("events", "finder", "step_s"),
    "min_duration": ("events", "min_duration_s"),
    "max_duration": ("events", "max_duration_s"),
    "join_gap": ("events", "join_gap_s"),
    "context": ("events", "context"),
    "background": ("events", "background"),
    "no_boxes": ("events", "measure"),
    "threshold": ("thresholds", "threshold"),
    "target": ("thresholds", "target"),
    "thresholds": ("thresholds", "file"),
    "run": ("thresholds", "model"),
}
INSTEAD = (("threshold", "target"), ("site", "sites_by_folder"))  # giving one takes the other back


def with_last(
    settings: TableSettings, last: TableSettings, given: Collection[str]
) -> tuple[TableSettings, list[str]]:
    """The settings, with those of the last tables for options that are not given; and these options.

    Raises `SettingsError` when they do not go together.
    """
    from finback.core.settings import build
    from finback.scan.table_settings import TableSettings

    new = {*given, *(name for group in INSTEAD if set(group) & set(given) for name in group)}
    values, own, plain = last.model_dump(), settings.model_dump(), TableSettings().model_dump()
    taken = []
    for name, keys in PLACES.items():
        if name in new:
            inner = values
            for key in keys[:-1]:
                inner = inner[key]
            inner[keys[-1]] = _at(own, keys)
        elif _at(values, keys) != _at(plain, keys):
            taken += _as_given(name, _at(values, keys))
    return build(TableSettings, values), taken


def _at(values: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        values = values[key]
    return values


def _as_given(name: str, value: Any) -> list[str]:
    """An option as a person gives it."""
    option = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [option]
    if name == "context":
        value = f"{value['least']}/{value['within_s']:g}s"
    values = value if isinstance(value, list | tuple) else [value]
    if name == "format":
        values = [one for one in values if one not in ("csv", "raven")]
    texts = [f"{one:g}" if isinstance(one, float) else str(one) for one in values]
    return [f"{option} {shlex.quote(text)}" for text in texts]
