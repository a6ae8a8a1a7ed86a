"""Settings of a scan that change the stored numbers: one journal holds results of one such set.

Everything else (bundles of spans, workers, thresholds, tables) may differ from one run to the next.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finback.core.settings import Frozen

Channels = Literal["mean", "each"] | Annotated[int, Field(ge=0, le=65_535)]


class ScanSettings(Frozen):
    """How windows lie over a recording, and what of them is stored."""

    hop_s: float | None = Field(None, gt=0, le=86_400)  # None: half of the model's window
    channels: Channels = "mean"  # the mean of all, each one for itself, or one, counted from 0
    keep_embeddings: bool = False
    # A file whose rate is too low for the model's band: leave it out, or analyse the band that it has.
    missing_band: Literal["skip", "analyse"] = "skip"

    def channels_of(self, n_channels: int) -> tuple[int | None, ...]:
        """The channels of a file that are analysed; None is the mean. Empty: it has no such channel."""
        if self.channels == "mean":
            return (None,)
        if self.channels == "each":
            return tuple(range(n_channels)) if n_channels > 1 else (None,)
        return (self.channels,) if self.channels < n_channels else ()
