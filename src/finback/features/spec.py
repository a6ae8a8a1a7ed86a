"""`FeatureSpec`: the one source of truth for rates, shapes and units, from samples to spectrogram and back.

Every run folder contains it; its fingerprint names the feature cache; inference refuses other features.
The default is the standard clip: 22,050 Hz, 3 s, 96 mels x 112 frames.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from finback.core.errors import SettingsError
from finback.core.settings import Frozen

Pad = Literal["zero", "tile", "reflect"]
Level = Literal["none", "peak", "rms"]
MOST_VALUES = 1 << 27  # of one array: 1 GB in double precision
SLOWEST, FASTEST = 1 / 16, 64.0  # times the speed of the recording
Speed = Annotated[float, Field(ge=SLOWEST, le=FASTEST)]
ONE_SPEED = (1.0,)
REMOVED = {"onnx_file": "", "onnx_output": ""}  # settings of version 0.1.0, at their defaults


class FeatureSpec(Frozen):
    """Every number that fixes a feature. Lengths are samples at `sample_rate` unless named otherwise."""

    sample_rate: int = Field(22_050, ge=10, le=1_000_000)  # Hz
    clip_samples: int = Field(66_150, ge=16, le=1 << 28)  # T, the standard clip
    n_fft: int = Field(2048, ge=16, le=1 << 20)
    hop: int = Field(512, ge=1, le=1 << 20)
    n_mels: int = Field(96, ge=4, le=4096)  # M
    n_frames: int = Field(112, ge=2, le=1 << 20)  # F
    f_min: float = Field(0.0, ge=0, le=500_000)  # Hz
    f_max: float | None = Field(None, gt=0, le=500_000)  # Hz; None = half the sample rate
    pad: Pad = "zero"  # what fills a clip shorter than the window
    level: Level = "none"  # what each window is scaled to
    scale: Literal["db", "power", "pcen"] = "db"  # power: linear, the same values as db without logarithm
    top_db: float | None = Field(
        80.0, gt=0, le=1000
    )  # floor below each window's maximum, in dB; None = no floor
    background: Literal["none", "median"] = "none"  # subtract the recording's median per band
    background_s: float = Field(30.0, gt=0, le=86_400)  # length of recording that the median is taken over
    # Speeds of a backbone; "auto": training chooses two that fit the recordings, and stores the numbers.
    playback: Annotated[tuple[Speed, ...], Field(min_length=1, max_length=4)] | Literal["auto"] = ONE_SPEED

    @model_validator(mode="before")
    @classmethod
    def _without_removed(cls, values: Any) -> Any:
        """Specs of version 0.1.0 hold two empty settings of a backbone, which belong to the model today."""
        if not isinstance(values, Mapping):
            return values
        return {key: value for key, value in values.items() if key not in REMOVED or value != REMOVED[key]}

    @model_validator(mode="after")
    def _consistent(self) -> FeatureSpec:
        nyquist = self.sample_rate / 2
        if self.f_max is not None and self.f_max > nyquist:
            raise ValueError(f"f_max {self.f_max} Hz is above half the sample rate ({nyquist} Hz)")
        if self.f_min >= self.top_hz:
            raise ValueError(f"f_min {self.f_min} Hz is not below f_max {self.top_hz} Hz")
        if self.hop > self.n_fft:
            raise ValueError(f"hop {self.hop} is longer than n_fft {self.n_fft}: samples would be skipped")
        if self.n_fft > 2 * self.clip_samples:
            raise ValueError(f"n_fft {self.n_fft} is longer than two clips of {self.clip_samples} samples")
        if len(set(self.playback)) < len(self.playback):
            raise ValueError(f"playback {list(self.playback)} has a speed twice")
        sizes = {
            "the filters of the mel bands": self.n_mels * self.n_bins,
            "the log-mel spectrogram of a clip": self.n_mels * self.n_frames,
            "the spectrogram of a clip": (self.clip_samples // self.hop + 1) * self.n_bins,
        }
        for what, n_values in sizes.items():
            if n_values > MOST_VALUES:
                raise ValueError(
                    f"{what} would have {n_values:,} values; at most {MOST_VALUES:,} are possible"
                )
        return self

    @property
    def top_hz(self) -> float:
        """Upper edge of the highest mel band, Hz."""
        return self.sample_rate / 2 if self.f_max is None else self.f_max

    @property
    def in_db(self) -> FeatureSpec:
        """The spec of the same spectrograms in dB, for a spec of linear power; any other spec itself."""
        return self.model_copy(update={"scale": "db"}) if self.scale == "power" else self

    @property
    def n_bins(self) -> int:
        """Linear frequency bins of the STFT."""
        return self.n_fft // 2 + 1

    @property
    def covered_samples(self) -> int:
        """Samples that the kept frames stand for: windows may advance by this much and miss nothing.

        66,150 samples give 130 centred frames of which 112 are kept, so the default covers 57,344.
        """
        return min(self.clip_samples, self.n_frames * self.hop)

    def native(self, n_samples: int, sample_rate: int) -> int:
        """Length at a recording's own rate of `n_samples` at the spec's, rounded up so nothing is missed."""
        return math.ceil(n_samples * sample_rate / self.sample_rate)

    @property
    def speeds(self) -> tuple[float, ...]:
        """The numbers of `playback`. Raises `SettingsError` for "auto", which needs the recordings."""
        if self.playback == "auto":
            raise SettingsError(
                "features.playback = 'auto' needs the recordings of a training",
                "give the speeds as numbers, e.g. features.playback=[1.0,0.5]",
            )
        return self.playback

    @property
    def windows_per_speed(self) -> tuple[int, ...]:
        """How many windows of `clip_samples` a window becomes at each speed: slowed down, it is longer."""
        return tuple(max(1, math.ceil(1 / speed)) for speed in self.speeds)

    def rate_at(self, speed: float) -> int:
        """Hz: sound of this rate, played at `speed`, has the spec's rate."""
        return max(1, round(self.sample_rate / speed))

    @property
    def fingerprint(self) -> str:
        """12 hex digits; equal exactly when all settings are equal. The same as in version 0.1.0."""
        values = {**self.model_dump(), **REMOVED}
        if self.playback == ONE_SPEED:
            del values["playback"]
        text = json.dumps(values, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
