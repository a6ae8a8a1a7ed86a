"""The settings of a soundscape: everything that fixes its bytes, besides the content of clips and noise."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from finback.core.settings import Frozen

SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}
MOST_CALLS = 2_000_000  # of all tapes; each is a line of the plan in memory


class SoundscapeSettings(Frozen):
    """Tapes of calls in noise. A tape is one recording of the soundscape.

    Each call has one of the values of `snr_db`, or, with `snr_between`, a value between the first and the
    last. `calls_per_hour` holds for every species that `calls_per_hour_of` does not name. Calls come at
    random times (a Poisson process); with `calls_per_bout` above 1, bouts do, and the calls of a bout follow
    each other after `bout_gap_s` seconds on average. With `apart`, each recording group of clips, and each
    noise file, is used on one tape only, so that a tape can be a group of a split.
    """

    tapes: int = Field(1, ge=1, le=9999)
    minutes: float = Field(10.0, ge=0.02, le=100_000)  # of each tape
    every_minutes: float | None = Field(None, ge=0.02, le=1_000_000)  # from start to start; None: no gap
    sample_rate: int | None = Field(None, ge=100, le=1_000_000)  # Hz; None: see `sound_rate`
    bits: Literal[16, 24, 32] = 16  # 32: floating point
    channels: int = Field(1, ge=1, le=64)
    suffix: Literal[".wav", ".flac"] = ".wav"
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    species: tuple[str, ...] | None = None  # None: all that there are
    snr_db: tuple[float, ...] = (0.0, 6.0, 12.0)
    snr_between: bool = False
    calls_per_hour: float = Field(20.0, ge=0, le=36_000)  # of each species
    calls_per_hour_of: dict[str, float] = Field(default_factory=dict)
    calls_per_bout: float = Field(1.0, ge=1, le=1000)
    bout_gap_s: float = Field(10.0, ge=0.01, le=3600)
    longest_s: float = Field(10.0, ge=0.01, le=120)  # of a call; the loudest part of a longer one is used
    window_s: float = Field(3.0, ge=0.01, le=600)  # of the training windows in labels.csv
    apart: bool = False
    seed: int = Field(0, ge=0, le=2**32 - 1)

    @field_validator("species")
    @classmethod
    def _once(cls, species: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if species is not None and (not species or len(set(species)) < len(species)):
            raise ValueError("name at least one species, and each only once")
        return species

    @field_validator("snr_db")
    @classmethod
    def _possible(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values or not all(-40 <= value <= 60 for value in values):
            raise ValueError("give values from -40 to 60 dB")
        return values

    @field_validator("calls_per_hour_of")
    @classmethod
    def _rates(cls, rates: dict[str, float]) -> dict[str, float]:
        if not all(0 <= rate <= 36_000 for rate in rates.values()):
            raise ValueError("give from 0 to 36,000 calls per hour")
        return rates

    @model_validator(mode="after")
    def _consistent(self) -> SoundscapeSettings:
        if self.start.utcoffset() != timedelta(0):
            raise ValueError("start must be in UTC, e.g. 2026-01-01T00:00:00Z")
        if self.snr_between and not (len(self.snr_db) == 2 and self.snr_db[0] <= self.snr_db[1]):
            raise ValueError("snr_db: a range has a lower and a higher value, the lower one first")
        if self.every_minutes is not None and self.every_minutes < self.minutes:
            raise ValueError("every_minutes must not be shorter than a tape (minutes)")
        if self.suffix == ".flac" and (self.bits == 32 or self.channels > 8):
            raise ValueError("a FLAC file holds 16 or 24 bits and up to 8 channels; take suffix .wav")
        rates = max([self.calls_per_hour, *self.calls_per_hour_of.values()])
        if rates * self.minutes / 60 * self.tapes > MOST_CALLS:
            raise ValueError(f"more than {MOST_CALLS} calls of a species; give fewer calls, tapes or minutes")
        return self

    @property
    def subtype(self) -> str:
        """The name of the sample format."""
        return SUBTYPES[self.bits]

    def rate_of(self, species: str) -> float:
        """Calls per hour of a species."""
        return self.calls_per_hour_of.get(species, self.calls_per_hour)

    def n_samples(self, sample_rate: int) -> int:
        """Length of a tape in samples."""
        return math.ceil(self.minutes * 60 * sample_rate)

    def start_of(self, tape: int) -> datetime:
        """UTC of the first sample of a tape (from 0): a whole second, since file names hold no more."""
        step = math.ceil((self.every_minutes or self.minutes) * 60)
        return self.start + timedelta(seconds=tape * step)

    def name_of(self, tape: int) -> str:
        """The file name of a tape."""
        return f"SIM_{self.start_of(tape):%Y%m%d_%H%M%S}{self.suffix}"
