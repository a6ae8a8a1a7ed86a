"""Options of the step from a journal to tables: `finback tables` and `finback scan` have them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
            "mute": None if self.mute is None else str(self.mute),
        }
        return build(TableSettings, values)
