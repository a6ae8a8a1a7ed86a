"""The settings of the augmentation of log-mel spectrograms, apart from it: they are read without torch."""

from __future__ import annotations

from pydantic import Field, field_validator

from finback.core.settings import Frozen


class SpectrumSettings(Frozen):
    """The strength of each augmentation; 0 = off."""

    roll: float = Field(1.0, ge=0, le=1)  # largest circular shift in time, share of the window
    shift_bands: int = Field(2, ge=0, le=4096)  # largest shift in frequency, in mel bands
    mask_time: float = Field(0.15, ge=0, le=0.9)  # longest time mask, share of the window (SpecAugment)
    mask_bands: float = Field(0.12, ge=0, le=0.9)  # broadest frequency mask, share of the bands
    eq_db: float = Field(12.0, ge=0, le=200)  # deviation of the random equaliser, in dB
    noise: float = Field(0.5, ge=0, le=1)  # share of clips whose noise floor is raised
    low_pass: float = Field(0.3, ge=0, le=1)  # share of clips with a low-pass
    overlay: float = Field(0.0, ge=0, le=1)  # share of clips to which another clip is added, as powers
    overlay_label: str = "noise"  # the class of the added clips, which leaves the label as it is
    overlay_db: tuple[float, float] = (-8.0, 2.0)  # change of the level of the added clip, uniform

    @field_validator("overlay_db")
    @classmethod
    def _ascending(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not -200 <= value[0] <= value[1] <= 200:
            raise ValueError("the lowest value must be the first, the highest the second, within 200 dB")
        return value
