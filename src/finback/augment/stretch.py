"""Longer, shorter, higher, lower: time-stretch, pitch-shift and speed change of a batch of waves.

Speed (`speed`) is resampling: what a tape played faster does, pitch and duration together. It is exact, cheap
(two FFTs a clip), keeps clicks sharp, and is how a bigger animal of the same kind differs from a smaller one;
so prefer it. Duration alone or pitch alone needs a phase vocoder, which blurs clicks over its frames.

The vocoder (Flanagan & Golden 1966, Bell System Technical Journal 45; in the form of Laroche & Dolson 1999,
IEEE Trans. Speech Audio Process. 7(3), section II) keeps one hop, and moves the places where the input is
heard; so the phase to add between frames is that of one spectrum against the last, and is carried as a
product of unit phasors: no angle, no unwrapping, no sine. Resampling is done in the frequency domain, without
aliasing. Clips go one at a time: each has a length of its own, and in faint bins, where the phase is left to
rounding, a batch would not equal its clips.

Clips are taken to go round: the end of a shorter one is filled from its start; of a longer one a piece stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from finback.augment.fft import fast_length, irfft, rfft
from finback.augment.rows import Rows
from finback.augment.wave_settings import WaveSettings

FRAMES = 32  # vocoder frames a clip: 93 ms of a 3 s clip, about what the spectrogram sees
OVERLAP = 4  # frames over each sample
TINY = 1e-30


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


def stretch(wave: Tensor, factor: float) -> Tensor:
    """(T,) -> (`fast_length(T * factor)`,): the same pitches, `factor` times as long."""
    n, length = len(wave), fast_length(len(wave) * factor)
    frame = 2 ** max(4, round(np.log2(n / FRAMES)))
    hop = frame // OVERLAP
    window = torch.hann_window(frame, dtype=wave.dtype, device=wave.device)
    n_in, n_out = 1 + -(-n // hop), 1 + -(-length // hop)
    padded = nn.functional.pad(wave, (frame // 2, (n_in - 1) * hop + frame - frame // 2 - n))
    spectra = rfft(padded.unfold(0, frame, hop) * window, frame)  # (n_in, bins)
    spectra = nn.functional.pad(spectra, (0, 0, 0, 2))  # silence after the end
    place = torch.arange(n_out, device=wave.device, dtype=torch.float64).div_(factor).clamp_max_(n_in)
    heard = irfft(_heard_at(spectra, place), frame) * window  # (n_out, frame)
    return _overlap_add(heard, window, hop)[:length]


def _heard_at(spectra: Tensor, place: Tensor) -> Tensor:
    """(F + 2, bins) heard at fractional frames (G,) -> (G, bins): magnitudes between, phases carried."""
    before = place.floor().long()
    share = (place - before).float()[:, None]
    # Not abs(): its guard against overflow costs more than the FFT.
    magnitude = torch.view_as_real(spectra).square().sum(dim=-1).sqrt()
    advance = _unit(spectra[1:] * spectra[:-1].conj(), magnitude[1:] * magnitude[:-1])
    steps = torch.cat([_unit(spectra[:1], magnitude[:1]), advance[before[:-1]]])
    return steps.cumprod(dim=0).mul_(torch.lerp(magnitude[before], magnitude[before + 1], share))


def _unit(z: Tensor, size: Tensor) -> Tensor:
    """Complex z of magnitude `size` -> z / size; 1 where there is nothing."""
    return torch.where(size > TINY, z / size.clamp_min(TINY), 1.0)


def _overlap_add(frames: Tensor, window: Tensor, hop: int) -> Tensor:
    """Windowed frames (G, N), a hop apart -> ((G - 1) * hop,), from the first frame's centre on."""
    n_frames, length = frames.shape
    parts = length // hop
    out, weight = frames.new_zeros(2, n_frames + parts - 1, hop)
    for k in range(parts):
        part = slice(k * hop, (k + 1) * hop)
        out[k : k + n_frames] += frames[:, part]
        weight[k : k + n_frames] += window[part] ** 2
    start = length // 2
    return (out / weight.clamp_min(1e-3)).flatten()[start : start + (n_frames - 1) * hop]


def _fit(wave: Tensor, n: int, start: float) -> Tensor:
    """(m,) -> (n,): a piece of a longer one, a shorter one again and again."""
    extra = len(wave) - n
    if extra >= 0:
        first = round(start * extra)
        return wave[first : first + n]
    return wave.repeat(-(-n // len(wave)))[:n]
