"""Time stretch, pitch shift and speed change of a batch of waves.

A change of `speed` is resampling: pitch and duration change together, as of a tape that is played faster. It
is exact, cheap (two FFTs for each clip) and keeps clicks sharp, and a larger animal of the same kind sounds
like this. So prefer it. A change of duration or pitch alone needs the phase vocoder (`phase_vocoder`), which
takes ten times as long and blurs clicks.

Resampling is done in the frequency domain, without aliasing. Clips are processed one by one, because they get
different lengths and an FFT of 66,150 samples fills the cache.

A clip that becomes shorter is continued from its start; of a clip that becomes longer, an excerpt is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from finback.training.augment.fft import fast_length, irfft, rfft
from finback.training.augment.parameters import Rows
from finback.training.augment.phase_vocoder import stretch
from finback.training.augment.wave_settings import WaveSettings


@dataclass(frozen=True)
class StretchDraw(Rows):
    """The drawn factors of each clip; 1 = no change."""

    duration: np.ndarray  # (B,) factor of the duration; the pitch stays
    pitch: np.ndarray  # (B,) factor of all frequencies; the duration stays
    speed: np.ndarray  # (B,) factor of all frequencies; the duration is divided by it
    start: np.ndarray  # (B,) 0..1: where the excerpt of a longer clip starts


def draw(rng: np.random.Generator, settings: WaveSettings, n: int) -> StretchDraw:
    """Factors for n clips, uniform on a logarithmic scale."""
    changed = rng.random(n) < settings.changed
    amounts = (np.log(1 + settings.stretch), *_octaves(settings.pitch_semitones, settings.speed_semitones))
    duration, pitch, speed = (np.exp(changed * rng.uniform(-1, 1, n) * a) for a in amounts)
    return StretchDraw(duration, pitch, speed, rng.random(n))


def _octaves(*semitones: float) -> tuple[float, ...]:
    """Semitones as natural logarithms of frequency ratios."""
    return tuple(np.log(2) * s / 12 for s in semitones)


def apply(x: Tensor, d: StretchDraw) -> Tensor:
    """Waves (B, T) -> (B, T). Clips with all factors 1 stay as they are; if all do, the result is `x`."""
    stretching, rate = d.duration * d.pitch, d.pitch * d.speed
    changed = np.flatnonzero((stretching != 1) | (rate != 1))
    if not len(changed):
        return x
    n, y = x.shape[1], x.clone()
    for i in changed.tolist():
        wave = stretch(x[i], stretching[i]) if stretching[i] != 1 else x[i]
        y[i] = _fit(resample(wave, fast_length(len(wave) / rate[i])), n, d.start[i])
    return y


def resample(wave: Tensor, n: int) -> Tensor:
    """(m,) -> (n,): the same sound in n samples, by cutting or padding the spectrum."""
    return wave if n == len(wave) else irfft(rfft(wave, len(wave)), n) * (n / len(wave))


def _fit(wave: Tensor, n: int, start: float) -> Tensor:
    """(m,) -> (n,): an excerpt of a longer wave; a shorter wave is repeated."""
    extra = len(wave) - n
    if extra >= 0:
        first = round(start * extra)
        return wave[first : first + n]
    return wave.repeat(-(-n // len(wave)))[:n]
