"""Noise at a random signal-to-noise ratio: coloured, from files, or the noise floor of another recording.

SNR is the mean square of the whole clip (with its background) over the mean square of the added noise. A
silent clip stays silent.

Coloured noise is generated in the frequency domain, where the filter of the equipment (`equipment`) is
applied too. Its magnitude is exactly the wanted curve and its phase is random; by Parseval's theorem its
power is exactly the drawn one. A spectrogram cell sums over hundreds of bins, so the noise is close to
Gaussian there. All clips of a batch take their phases from one short random array, each from another start.
That saves drawing thousands of normal deviates for each clip, which would take more time than all other steps
together.

For the noise floor of another recording, coloured noise gets the mean spectrum of the quietest frames of that
recording. So its calls are not added, only the hiss, hum and band limits by which a model could recognise the
recording group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.training.augment.parameters import Rows
from finback.training.augment.wave_settings import WaveSettings

FLAT_BELOW = (
    1 / 200
)  # of half the sample rate: coloured noise is flat below, as after the high-pass of a hydrophone
FRAMES = 64  # frames of a clip from which a background is estimated: 46 ms each in a 3 s clip
QUIET = 4  # the quietest 1 / QUIET of the frames are background
DEAD = 1e-8  # frames this far (in power) below the loudest are padding, not background


@dataclass(frozen=True)
class NoiseDraw(Rows):
    """The drawn noise of each clip. Ratios in dB; infinity is no noise."""

    snr_db: np.ndarray  # (B,) of coloured noise
    exponent: np.ndarray  # (B,) the power of coloured noise is 1 / f**exponent
    real_snr_db: np.ndarray  # (B,) of noise from files
    background_snr_db: np.ndarray  # (B,) of the noise floor of another recording
    place: np.ndarray  # (B,) 0..1: where the phases of the clip start in the array of random phases


def draw(rng: np.random.Generator, settings: WaveSettings, n: int) -> NoiseDraw:
    """Ratios and colours for n clips."""
    return NoiseDraw(
        snr_db=snr(rng, settings.noise, settings.noise_snr_db, n),
        exponent=rng.uniform(*settings.noise_exponent, n),
        real_snr_db=snr(rng, settings.real_noise, settings.noise_snr_db, n),
        background_snr_db=snr(rng, settings.background, settings.background_snr_db, n),
        place=rng.random(n),
    )


def snr(rng: np.random.Generator, share: float, between: tuple[float, float], n: int) -> np.ndarray:
    """(n,) dB, infinite for clips without noise. The number of random numbers does not depend on `share`."""
    chosen = rng.random(n) < share
    return np.where(chosen, rng.uniform(*between, n), np.inf)


def power(x: Tensor) -> Tensor:
    """(B, T) -> (B, 1) mean square."""
    return torch.linalg.vecdot(x, x)[:, None] / x.shape[1]


def ratio(snr_db: np.ndarray, like: Tensor) -> Tensor:
    """(B,) dB -> (B, 1) power of noise over power of signal."""
    return torch.from_numpy(10.0 ** (-snr_db / 10.0)).to(like.device, like.dtype)[:, None]


def add_real(x: Tensor, noise: Tensor | None, d: NoiseDraw) -> Tensor:
    """Waves (B, T) and excerpts of noise (B, T) -> (B, T). A silent excerpt adds nothing."""
    chosen = np.flatnonzero(np.isfinite(d.real_snr_db))
    if not len(chosen):
        return x
    if noise is None:
        raise SettingsError(
            "wave.real_noise without noise files", "give --noise DIR or set wave.real_noise=0"
        )
    check_shape(noise, x, "noise")
    part, clean = noise[chosen], x[chosen]
    level = power(part)
    scale = torch.where(level > 0, power(clean) * ratio(d.real_snr_db[chosen], x) / level, 0.0).sqrt()
    y = x.clone()
    y[chosen] = torch.addcmul(clean, part, scale)
    return y


def check_shape(given: Tensor, x: Tensor, what: str) -> None:
    """Raises `SettingsError` unless `given` has the shape of the waves `x`; `what` names it."""
    if given.shape != x.shape:
        raise SettingsError(
            f"{what} of shape {tuple(given.shape)} for waves of {tuple(x.shape)}", "give one for each clip"
        )


def coloured(hz: Tensor, d: NoiseDraw) -> Tensor:
    """Power curves (B, G) over ascending frequencies `hz` (G,), with mean 1 and 0 at 0 Hz."""
    exponent = torch.from_numpy(d.exponent).to(hz.device, hz.dtype)[:, None]
    curve = (hz / hz[-1]).clamp_min(FLAT_BELOW).pow(-exponent)
    curve[:, 0] = 0.0
    return curve / curve.mean(dim=1, keepdim=True)


def floor_of(background: Tensor, n_bins: int) -> Tensor:
    """Waves (B, T) -> power (B, n_bins) of their quietest frames, with mean 1; zeros for a silent wave."""
    b, n = background.shape
    length = min(n, 2 ** max(4, round(np.log2(n / FRAMES))))
    frames = background[:, : n // length * length].reshape(b, -1, length)
    energy = frames.square().sum(dim=2)  # (B, frames)
    dead = energy <= DEAD * energy.amax(dim=1, keepdim=True)
    quiet = energy.masked_fill(dead, torch.inf).topk(max(1, frames.shape[1] // QUIET), largest=False)
    row = torch.arange(b, device=background.device)[:, None]
    window = torch.hann_window(length, dtype=frames.dtype, device=frames.device)
    spectra = torch.view_as_real(torch.fft.rfft(frames[row, quiet.indices] * window)).square().sum(-1)
    spectra = (
        spectra * torch.isfinite(quiet.values)[..., None]
    )  # not the frames of silence, where a clip has too few others
    curve = spectra.mean(dim=1)  # (B, length / 2 + 1)
    curve[:, 0] = 0.0
    curve = nn.functional.interpolate(curve[:, None], size=n_bins, mode="linear", align_corners=True)[:, 0]
    return curve / curve.mean(dim=1, keepdim=True).clamp_min(1e-30)


def phases(seed: int, place: np.ndarray, n_bins: int, device: torch.device) -> list[Tensor]:
    """For each of B clips a view (n_bins,) of one random array, complex64 of magnitude 1."""
    generator = torch.Generator().manual_seed(seed)
    angle = torch.rand(2 * n_bins, generator=generator) * (2 * torch.pi)
    row = torch.view_as_complex(torch.stack([angle.cos(), angle.sin()], dim=1)).to(device)
    return [row[i : i + n_bins] for i in (place * n_bins).astype(int).tolist()]
