"""Longer, shorter, higher, lower: time-stretch, pitch-shift and speed change of a batch of waves.

Speed (`speed`) is resampling: what a tape played faster does, pitch and duration together. It is exact, cheap
(two FFTs a clip), keeps clicks sharp, and is how a bigger animal of the same kind differs from a smaller one;
so prefer it. Duration alone or pitch alone needs the phase vocoder (`vocoder`), which costs ten times as much
and blurs clicks.

Resampling is done in the frequency domain, without aliasing. Clips go one at a time: each has a length of its
own, and an FFT of 66,150 samples fills the cache alone.

Clips are taken to go round: the end of a shorter one is filled from its start; of a longer one a piece stays.
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
    """Factors; 1 leaves a clip alone."""

    duration: np.ndarray  # (B,) of the duration, pitch kept
    pitch: np.ndarray  # (B,) of all frequencies, duration kept
    speed: np.ndarray  # (B,) of all frequencies, duration divided by it
    start: np.ndarray  # (B,) 0..1: which piece of a clip grown too long stays


def draw(rng: np.random.Generator, settings: WaveSettings, n: int) -> StretchDraw:
    """Factors for n clips, evenly drawn on a logarithmic scale."""
    changed = rng.random(n) < settings.changed
    amounts = (np.log(1 + settings.stretch), *_octaves(settings.pitch_semitones, settings.speed_semitones))
    duration, pitch, speed = (np.exp(changed * rng.uniform(-1, 1, n) * a) for a in amounts)
    return StretchDraw(duration, pitch, speed, rng.random(n))


def _octaves(*semitones: float) -> tuple[float, ...]:
    """Semitones as natural logarithms of frequency ratios."""
    return tuple(np.log(2) * s / 12 for s in semitones)


def apply(x: Tensor, d: StretchDraw) -> Tensor:
    """(B, T) -> (B, T). Clips with all factors 1 are not touched; a new tensor when any is."""
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
    """(m,) -> (n,): the same sound in n samples, by cutting or padding its spectrum."""
    return wave if n == len(wave) else irfft(rfft(wave, len(wave)), n) * (n / len(wave))


def _fit(wave: Tensor, n: int, start: float) -> Tensor:
    """(m,) -> (n,): a piece of a longer one, a shorter one again and again."""
    extra = len(wave) - n
    if extra >= 0:
        first = round(start * extra)
        return wave[first : first + n]
    return wave.repeat(-(-n // len(wave)))[:n]
