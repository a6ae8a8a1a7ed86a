"""The settings of wave augmentation. All are 0 = off by default; presets and `--set wave.…` change them."""

from __future__ import annotations

from pydantic import Field, field_validator

from finback.core.settings import Frozen

Range = tuple[float, float]  # lowest and highest value of a uniform distribution


class WaveSettings(Frozen):
    """Shares of clips are 0 to 1. Amounts in dB or semitones are the largest, uniform in both directions."""

    # The animal
    stretch: float = Field(0.0, ge=0, le=1)  # change of duration at the same pitch: 0.2 is 1/1.2 to 1.2 times
    pitch_semitones: float = Field(0.0, ge=0, le=12)  # shift of pitch at the same duration
    speed_semitones: float = Field(0.0, ge=0, le=24)  # both at once, as of a tape played faster or slower
    changed: float = Field(0.5, ge=0, le=1)  # share of clips that these three change
    # The sea
    noise: float = Field(0.0, ge=0, le=1)  # share of clips with coloured noise added
    real_noise: float = Field(0.0, ge=0, le=1)  # share with noise from files
    noise_files: str = ""  # their folder
    noise_snr_db: Range = (5.0, 30.0)  # of both: power of the clip over power of the noise
    noise_exponent: Range = (0.0, 2.0)  # power falls as 1 / f**exponent: 0 white, 1 pink, 2 brown
    background: float = Field(0.0, ge=0, le=1)  # share with another recording's noise floor
    background_snr_db: Range = (5.0, 30.0)
    # The recorder
    band_pass: float = Field(0.0, ge=0, le=1)  # share of clips through a random band-pass
    tilt_db: float = Field(0.0, ge=0, le=60)  # highest against lowest frequency
    resonance_db: float = Field(0.0, ge=0, le=40)  # height or depth of each of three resonances
    resample: float = Field(0.0, ge=0, le=1)  # share resampled to a lower rate and back: they lose their top
    hum: float = Field(0.0, ge=0, le=1)  # share with mains hum and its harmonics
    hum_snr_db: Range = (10.0, 40.0)
    hiss: float = Field(0.0, ge=0, le=1)  # share with the recorder's own white noise, after its filters
    hiss_snr_db: Range = (15.0, 45.0)
    overload: float = Field(0.0, ge=0, le=1)  # share with soft clipping
    # The level
    gain_db: float = Field(0.0, ge=0, le=60)
    polarity: float = Field(0.0, ge=0, le=1)  # share with inverted polarity

    @field_validator("noise_snr_db", "noise_exponent", "background_snr_db", "hum_snr_db", "hiss_snr_db")
    @classmethod
    def _ascending(cls, value: Range) -> Range:
        if not value[0] <= value[1]:
            raise ValueError("the lowest value must be the first, the highest the second")
        if max(map(abs, value)) > 200:
            raise ValueError("give values of at most 200")
        return value

    @property
    def on(self) -> bool:
        """True if any augmentation is on. If none is, no random number need be drawn."""
        moving = self.changed * (self.stretch + self.pitch_semitones + self.speed_semitones)
        shares = (self.noise, self.real_noise, self.background, self.band_pass, self.resample, self.hum)
        rest = (self.hiss, self.overload, self.polarity, self.tilt_db, self.resonance_db, self.gain_db)
        return bool(moving + sum(shares) + sum(rest))
