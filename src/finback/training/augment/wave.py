"""Augmentation of waves: other animals, other noise, other recording equipment, for a whole batch at once.

    d = draw(rng, settings, (B, T), sample_rate)
    y = apply(x, d, sample_rate, noise=excerpts, background=others)    # (B, T), a new tensor

`draw` draws the parameters from an explicit generator. The same parameters give the same result, for a batch
and for its clips one by one (`d.rows(slice(3, 4))`). The order is that of a recording: the animal
(`stretch`), the sea (`noise`), the recorder (`equipment`), the level. Noise, filters, hum and hiss are
applied in one FFT of the batch. Samples are not clipped: with gain or noise a sample may exceed 1. That is no
problem for features, but samples must be scaled before they are written to a file. Samples that are not
changed stay equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.training.augment import equipment, stretch
from finback.training.augment import noise as sea
from finback.training.augment.equipment import EquipmentDraw
from finback.training.augment.fft import fast_length, irfft, rfft
from finback.training.augment.noise import NoiseDraw
from finback.training.augment.parameters import Rows
from finback.training.augment.stretch import StretchDraw
from finback.training.augment.wave_settings import WaveSettings

__all__ = ["WaveDraw", "WaveSettings", "apply", "draw"]

CELLS = 2048  # largest number of frequencies at which curves are computed; between them they are interpolated
SLICE = 4  # clips at a time in the frequency domain: about 4 MB, which stays in cache


@dataclass(frozen=True)
class WaveDraw(Rows):
    """The drawn parameters of a batch."""

    stretch: StretchDraw
    noise: NoiseDraw
    equipment: EquipmentDraw
    gain: np.ndarray  # (B,) linear, negative where the polarity is inverted
    seed: int  # of the phases of the noise

    @property
    def filtering(self) -> np.ndarray:
        """(B,) True for clips with an effect in the frequency domain."""
        noisy = np.isfinite(self.noise.snr_db) | np.isfinite(self.noise.background_snr_db)
        return noisy | self.equipment.filtering


def draw(
    rng: np.random.Generator, settings: WaveSettings, shape: tuple[int, int], sample_rate: int
) -> WaveDraw:
    """Parameters for a batch of `shape` (B, T) at `sample_rate` Hz.

    The number of random numbers does not depend on the settings, so switching one augmentation off does not
    change the others.
    """
    n = shape[0]
    decibel = settings.gain_db * rng.uniform(-1, 1, n)
    inverted = rng.random(n) < settings.polarity
    return WaveDraw(
        stretch=stretch.draw(rng, settings, n),
        noise=sea.draw(rng, settings, n),
        equipment=equipment.draw(rng, settings, n),
        gain=10.0 ** (decibel / 20.0) * np.where(inverted, -1.0, 1.0),
        seed=int(rng.integers(1 << 62)),
    )


def apply(
    x: Tensor, d: WaveDraw, sample_rate: int, noise: Tensor | None = None, background: Tensor | None = None
) -> Tensor:
    """Waves (B, T) float32 at `sample_rate` Hz -> (B, T), a new tensor.

    `noise` (B, T): excerpts of noise files, for `wave.real_noise`. `background` (B, T): clips of other
    recordings, whose noise floor (not their calls) is added to the clip, for `wave.background`. Raises
    `SettingsError` when the parameters need one of them and it is missing.
    """
    y = sea.add_real(stretch.apply(x, d.stretch), noise, d.noise)
    rows = np.flatnonzero(d.filtering)
    if len(rows):
        y = y.clone() if y is x else y
        _record(y, d, rows, sample_rate, background)
    y = equipment.overload(y, d.equipment)
    return y * torch.from_numpy(d.gain).to(x.device, x.dtype)[:, None]


def _record(x: Tensor, d: WaveDraw, rows: np.ndarray, sample_rate: int, background: Tensor | None) -> None:
    """Sea noise, the recorder's filters, hum and hiss for some `rows` of x (B, T), in place."""
    n, n_samples = fast_length(x.shape[1]), x.shape[1]
    n_bins = n // 2 + 1
    step = -(-n_bins // CELLS)
    at = torch.arange(0, n_bins + step, step, device=x.device) / (n_bins - 1)  # (G,) of half the sample rate
    chosen = d.rows(rows)
    gain = equipment.response(chosen.equipment, at)  # (R, G)
    noise = _sea(chosen.noise, rows, at, x, background) * gain.square()  # (R, G) power, for a clip of power 1
    phases = sea.phases(d.seed, chosen.noise.place, n_bins, x.device)  # R views, no copies
    for first in range(0, len(rows), SLICE):
        span = slice(first, first + SLICE)
        part, wave = chosen.rows(span).equipment, x[rows[span]]
        spectra = rfft(wave, n).mul_(_between(gain[span], step, n_bins))  # (b, n_bins)
        # By Parseval's theorem, for the samples without the padding.
        passed = sea.power(torch.view_as_real(spectra).flatten(1)) * (4.0 * n_bins / (n * n_samples))
        added = noise[span] * sea.power(wave) + passed * sea.ratio(part.hiss_snr_db, x)  # (b, G)
        if bool(added.any()):
            magnitude = _between((added * (n * n / (2.0 * n_bins))).sqrt(), step, n_bins)
            spectra += torch.stack(phases[span]).mul_(magnitude)
        equipment.add_hum(spectra, part, passed, (sample_rate, n))
        x[rows[span]] = irfft(spectra, n)[:, :n_samples]


def _between(curve: Tensor, step: int, n: int) -> Tensor:
    """Curves (b, G) at every `step`-th of n bins -> (b, n), by linear interpolation."""
    ramp = torch.arange(step, device=curve.device, dtype=curve.dtype) / step
    return torch.addcmul(curve[:, :-1, None], curve.diff(dim=1)[..., None], ramp).flatten(1)[:, :n]


def _sea(d: NoiseDraw, rows: np.ndarray, at: Tensor, x: Tensor, background: Tensor | None) -> Tensor:
    """Power of coloured noise and of other backgrounds over frequency, (R, G), for clips of power 1."""
    curves = sea.coloured(at, d) * sea.ratio(d.snr_db, x)
    other = np.flatnonzero(np.isfinite(d.background_snr_db))
    if len(other):
        if background is None:
            raise SettingsError("wave.background without other clips", "give some or set wave.background=0")
        sea.check_shape(background, x, "background")
        floors = sea.floor_of(background[rows[other]], len(at))
        curves[other] += floors * sea.ratio(d.background_snr_db[other], x)
    return curves
