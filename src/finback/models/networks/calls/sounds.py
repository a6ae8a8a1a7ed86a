"""The sounds of a clip as numbers: contours, pulses, the noise of a call, calls, and the scene of a clip.

Times are seconds or frames of the `Grid`; levels are dB re full scale: of a contour the amplitude of the
sine, of noise and backgrounds the power density (white noise of variance 1 has 0 dB), of pulses the energy.
"""

from __future__ import annotations

from dataclasses import dataclass

from finback.models.networks.calls.grid import Array, powers

QUIET_DB = -140.0  # no sound
TONAL = 0.3  # a call whose contours have less than this share of the energy of its noise is no tonal call


@dataclass(frozen=True, eq=False)
class Contour:
    """A tone: its frequency and its level at every frame from `start` frames after the start of its call."""

    start: int
    frequency_hz: Array  # (k,)
    level_db: Array  # (k,)
    harmonic: int = 0  # its number in the harmonic series of its call; 0: none

    def __len__(self) -> int:
        return len(self.frequency_hz)


@dataclass(frozen=True, eq=False)
class Pulses:
    """The clicks or knocks of a call."""

    time_s: Array  # (p,) after the start of the call
    spectrum_db: Array  # (p, N_PULSE_BANDS) energy density
    decay_s: float  # the energy of a pulse falls to 1/e in this time

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, eq=False)
class Call:
    """A sound with a start and an end, made of contours, pulses and noise."""

    contours: tuple[Contour, ...]
    pulses: Pulses
    noise_db: Array  # (N_BANDS, frames) power density above the background

    @property
    def n_frames(self) -> int:
        """Its length."""
        return int(self.noise_db.shape[1])


@dataclass(frozen=True, eq=False)
class Scene:
    """What was measured in one window of a clip."""

    species: int
    tape: int
    floor_db: Array  # (bins,) spectrum of the background
    band_floor_db: Array  # (N_BANDS,) the same in bands
    calls: tuple[Call, ...]
    gaps: tuple[int, ...]  # frames before each call, and after the last one
    swell_db: Array  # (q,) level of the background between the calls, frame by frame, about 0
    window: int = 0  # its number in its clip; 0: the clip begins with it


def kind_of(call: Call) -> str:
    """The kind of a call: click train, click, harmonic call, tonal call or noise burst."""
    if len(call.pulses) >= 3:
        return "click train"
    frames = sum(len(c) for c in call.contours)
    longest = max((len(c) for c in call.contours), default=0)
    tones = sum(float(powers(c.level_db).sum()) / 2 for c in call.contours)
    if not frames or tones < TONAL * float(powers(call.noise_db).mean(axis=0).sum()):
        return "click" if len(call.pulses) else "noise burst"
    return "harmonic call" if frames >= 2.5 * longest else "tonal call"
