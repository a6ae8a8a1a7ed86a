"""What changes tables, and never the journal. Light to import: a scan knows these settings hours before it
makes tables."""

from __future__ import annotations

from pydantic import Field, field_validator

from finback.core.settings import Frozen
from finback.data.formats.load import written_formats
from finback.scan.event_settings import EventSettings
from finback.scan.presence import ONE_SITE
from finback.scan.threshold_choice import ThresholdRequest

DEFAULT_FORMATS = ("csv", "raven")


class TableSettings(Frozen):
    """What changes tables, and never the journal."""

    events: EventSettings = EventSettings()
    thresholds: ThresholdRequest = ThresholdRequest()  # which thresholds hold (`scan/threshold_choice.py`)
    formats: tuple[str, ...] = DEFAULT_FORMATS
    site: str = Field(ONE_SITE, min_length=1, max_length=200)  # the name of the one site
    sites_by_folder: bool = False  # the first folder below the common one names the site
    least_effort_s: float = Field(0.0, ge=0, le=86_400)  # with less, presence is NA unless detected
    days_in: str = "UTC"  # the time zone of the days
    occupancy: bool = False
    mute: str | None = None  # TOML file of detections to leave out (`scan/mutes.py`)

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            if name not in written_formats():
                raise ValueError(f"no format '{name}' (there are: {', '.join(written_formats())})")
        return tuple(name for name in written_formats() if name in {*formats, *DEFAULT_FORMATS})
