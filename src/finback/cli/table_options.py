"""Options of the step from a journal to tables: `finback tables` and `finback scan` have them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finback.scan.tables import TableSettings


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What counts as a detection, and which tables are written."""

    threshold: Annotated[float, typer.Option(help="Least score of a detection, for all species.")] = 0.5
    events: Annotated[
        str,
        typer.Option(
            help="How scores become events: boxes (change points of the score), hysteresis, windows."
        ),
    ] = "boxes"
    low: Annotated[
        float, typer.Option(help="Score at which an event of --events hysteresis begins and ends.")
    ] = 0.2
    min_duration: Annotated[float, typer.Option(help="Shortest event, in seconds.", show_default=False)] = 0.0
    max_duration: Annotated[
        float | None, typer.Option(help="Longest event, in seconds.", show_default=False)
    ] = None
    join_gap: Annotated[
        float,
        typer.Option(
            help="Join detections of one species with at most so many seconds between them.",
            show_default=False,
        ),
    ] = 0.0
    context: Annotated[
        str | None,
        typer.Option(
            help="Keep only detections with so many of their species in so much time, for example 3/60min.",
            show_default=False,
        ),
    ] = None
    background: Annotated[
        list[str] | None,
        typer.Option(help="A class of the model that means no call. Repeatable.", show_default=False),
    ] = None
    no_boxes: Annotated[
        bool, typer.Option("--no-boxes", help="Do not measure the band of each event in its recording.")
    ] = False
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

    def settings(self) -> TableSettings:
        """The settings for `finback.scan.tables.write_tables`. Raises `SettingsError`."""
        from finback.core.settings import build
        from finback.scan.event_settings import ContextRule
        from finback.scan.tables import TableSettings

        formats = [name.strip().lower() for text in self.format or () for name in text.split(",")]
        events: dict[str, Any] = {
            "method": self.events,
            "low": self.low,
            "min_duration_s": self.min_duration,
            "max_duration_s": self.max_duration,
            "join_gap_s": self.join_gap,
            "context": None if self.context is None else ContextRule.parse(self.context),
            "background": tuple(self.background or ()),
            "measure": not self.no_boxes,
        }
        values = {
            "events": events,
            "threshold": self.threshold,
            "formats": tuple(name for name in formats if name),
            "site": self.site,
            "sites_by_folder": self.sites_by_folder,
            "least_effort_s": self.least_effort,
            "days_in": self.days_in,
            "occupancy": self.occupancy,
        }
        return build(TableSettings, values)
