"""Simulated recording equipment: band limits, tilt, resonances, a lower sample rate, hum, hiss, overload.

All linear effects together are one curve of gain over frequency, so a batch needs a single FFT (in `wave`).
The filters have no delay: calls keep their place in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from finback.training.augment.noise import ratio, snr
from finback.training.augment.parameters import Rows
from finback.training.augment.wave_settings import WaveSettings

OCTAVES = 9.0  # range of the tilt: 22 Hz to 11 kHz; the gain is constant below
RESONANCES = 3
HARMONICS = 12
MAINS_HZ = (50.0, 60.0)
LOST = 1e-5  # gain above the band of a lower sample rate: -100 dB, as of a good resampler


@dataclass(frozen=True)
class EquipmentDraw(Rows):
    """The equipment of each clip. Frequencies are shares of half the sample rate, except `mains_hz`."""

    low: np.ndarray  # (B,) lower corner of the band-pass; 0 = none
    high: np.ndarray  # (B,) upper corner; infinite = none
    order: np.ndarray  # (B,) order of both slopes; 6 dB per octave for each order
    tilt_db: np.ndarray  # (B,) gain at the highest frequency less that at the lowest
    resonance: np.ndarray  # (B, 3, 3) centre, width in octaves, height in dB
    cut: np.ndarray  # (B,) top of the lower sample rate's band; infinite = none
    hum_snr_db: np.ndarray  # (B,) infinite = none
    mains_hz: np.ndarray  # (B,)
    hum: np.ndarray  # (B, H) complex amplitude of each harmonic
    hiss_snr_db: np.ndarray  # (B,) infinite = none
    drive: np.ndarray  # (B,) gain of the loudest sample before tanh; 0 = no overload

    @property
    def filtering(self) -> np.ndarray:
        """(B,) True for clips with an effect in the frequency domain."""
        curved = (self.low > 0) | np.isfinite(self.high) | (self.tilt_db != 0) | np.isfinite(self.cut)
        noisy = np.isfinite(self.hum_snr_db) | np.isfinite(self.hiss_snr_db)
        return curved | noisy | (self.resonance[:, :, 2] != 0).any(axis=1)


def draw(rng: np.random.Generator, settings: WaveSettings, n: int) -> EquipmentDraw:
    """Equipment for n clips. The number of random numbers does not depend on the settings."""
    passing, resampled = rng.random(n) < settings.band_pass, rng.random(n) < settings.resample
    resonance = np.stack(
        [
            2.0 ** rng.uniform(-7, 0, (n, RESONANCES)),
            rng.uniform(0.15, 1.0, (n, RESONANCES)),
            settings.resonance_db * rng.uniform(-1, 1, (n, RESONANCES)),
        ],
        axis=2,
    )
    low, high = 2.0 ** rng.uniform(-9, -4, n), 2.0 ** rng.uniform(-2, 0, n)
    # Harmonics decrease, each by a random factor, as in real hum.
    level = rng.uniform(0.1, 1.0, (n, HARMONICS)) / np.arange(1, HARMONICS + 1)
    return EquipmentDraw(
        low=np.where(passing, low, 0.0),
        high=np.where(passing, high, np.inf),
        order=rng.integers(1, 9, n).astype(float),
        tilt_db=settings.tilt_db * rng.uniform(-1, 1, n),
        resonance=resonance,
        cut=np.where(resampled, 2.0 ** rng.uniform(-2.5, 0, n), np.inf),
        hum_snr_db=snr(rng, settings.hum, settings.hum_snr_db, n),
        mains_hz=rng.choice(MAINS_HZ, n) * rng.uniform(0.99, 1.01, n),  # clocks and tape speeds are not exact
        hum=level * np.exp(2j * np.pi * rng.random((n, HARMONICS))),
        hiss_snr_db=snr(rng, settings.hiss, settings.hiss_snr_db, n),
        drive=np.where(rng.random(n) < settings.overload, rng.uniform(1.0, 4.0, n), 0.0),
    )


def response(d: EquipmentDraw, at: Tensor) -> Tensor:
    """Linear gain (B, G) at the frequencies `at` (G,), shares 0..1 of half the sample rate."""

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(at.device, at.dtype)[:, None]

    octave = at.clamp_min(2.0**-OCTAVES).log2()  # -9..0
    db = column(d.tilt_db) * (octave / OCTAVES + 0.5)  # (B, G)
    for centre, width, height in (d.resonance[:, i].T for i in range(d.resonance.shape[1])):
        db = db + column(height) * torch.exp(-0.5 * ((octave - column(np.log2(centre))) / column(width)) ** 2)
    # The magnitude of a Butterworth filter, without its phase.
    order = 2.0 * column(d.order)
    beyond = (column(d.low) / at.clamp_min(1e-6)).pow(order) + (at / column(d.high)).pow(order)
    gain = torch.exp(db * (np.log(10) / 20)) * (1.0 + beyond).rsqrt()
    into = ((at / column(d.cut) - 0.92) / 0.08).clamp(0.0, 1.0)  # 0 below, 1 beyond the cut
    return gain * (0.5 + 0.5 * torch.cos(torch.pi * into)).clamp_min(LOST)


def add_hum(spectra: Tensor, d: EquipmentDraw, power: Tensor, rate: tuple[int, int]) -> None:
    """Add hum to the spectra (B, bins) of waves with mean square `power` (B, 1), in place.

    `rate` is (sample rate, FFT length). Each harmonic is added to the nearest bin. Harmonics
    above half the sample rate are left out.
    """
    sample_rate, n = rate
    harmonic = np.arange(1, HARMONICS + 1)
    bins = np.rint(d.mains_hz[:, None] * harmonic * (n / sample_rate)).astype(int)  # (B, H)
    amplitude = d.hum * ((bins > 0) & (bins < n / 2) & np.isfinite(d.hum_snr_db)[:, None])
    total = 0.5 * (np.abs(amplitude) ** 2).sum(axis=1, keepdims=True)
    amplitude = amplitude / np.sqrt(np.maximum(total, 1e-30)) * (n / 2)
    scale = (power * ratio(d.hum_snr_db, power)).sqrt()
    lines = torch.from_numpy(amplitude).to(spectra.device, spectra.dtype) * scale
    row = torch.arange(len(spectra), device=spectra.device)[:, None].expand_as(lines)
    at = torch.from_numpy(np.minimum(bins, spectra.shape[1] - 1)).to(spectra.device)
    spectra.index_put_((row, at), lines, accumulate=True)


def overload(x: Tensor, d: EquipmentDraw) -> Tensor:
    """Waves (B, T) -> (B, T): soft clipping by tanh of the clips with a `drive`; their peaks stay."""
    chosen = np.flatnonzero(d.drive)
    if not len(chosen):
        return x
    part = x[chosen]
    drive = torch.from_numpy(d.drive[chosen]).to(x.device, x.dtype)[:, None]
    peak = part.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
    y = x.clone()
    y[chosen] = torch.tanh(part * (drive / peak)) * (peak / torch.tanh(drive))
    return y
