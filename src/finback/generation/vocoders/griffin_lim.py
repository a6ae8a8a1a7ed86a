"""Griffin-Lim, plain and fast: magnitudes to waves, a batch at a time.

A magnitude spectrogram has no phases. Griffin-Lim starts from random phases and repeats two steps: make a
wave, and take its spectrogram, whose phases are kept and whose magnitudes are replaced by the wanted ones.
The fast variant extrapolates each round in the direction of the last two.

Sources: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP
32(2); Perraudin, Balazs & Søndergaard 2013, "A fast Griffin-Lim algorithm", WASPAA.

Given the same first phases the numbers are librosa's (`librosa.griffinlim`), to float rounding.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from finback.features.logmel import slice_for
from finback.features.spec import FeatureSpec
from finback.features.stft import Frames

FAST = 0.99  # momentum recommended by Perraudin et al.; librosa uses the same
TINY = 1e-30  # power below which a bin has no phase


@torch.no_grad()
def griffin_lim(
    magnitude: Tensor,
    spec: FeatureSpec,
    rounds: int = 32,
    momentum: float = 0.0,
    seed: int = 0,
    length: int | None = None,
    phases: Tensor | None = None,
) -> Tensor:
    """(B, n_bins, F) linear magnitude -> (B, length) waves; `length` is by default F hops.

    `momentum` 0 is Griffin-Lim, 0.99 the fast one. The first `phases` (n_bins, F) are in radians; without
    them phases are drawn from `seed`, the same for every clip, so that a wave does not depend on its batch.
    """
    n_frames = magnitude.shape[2]
    frames = Frames(spec, n_frames, n_frames * spec.hop if length is None else length, magnitude)
    if phases is None:
        phases = _random(magnitude.shape[1], n_frames, seed)
    start = torch.polar(torch.ones_like(phases), phases).T.to(magnitude.device)  # (F, n_bins)
    start = start.to(torch.complex128 if magnitude.dtype == torch.float64 else torch.complex64)
    out = magnitude.new_empty(len(magnitude), frames.length)
    size = slice_for(magnitude)
    for i in range(0, len(magnitude), size):
        wanted = magnitude[i : i + size].transpose(1, 2)  # (b, F, n_bins)
        spectra = _rounds(wanted * start, wanted, frames, rounds, momentum)
        out[i : i + size] = frames.cut(frames.synthesise(spectra))
    return out


def _rounds(spectra: Tensor, wanted: Tensor, frames: Frames, rounds: int, momentum: float) -> Tensor:
    twice = wanted.repeat_interleave(2, dim=-1)  # (b, F, 2 n_bins), for real and imaginary parts
    before: Tensor | None = None
    for _ in range(rounds):
        now = frames.analyse(frames.synthesise(spectra))
        # c + momentum (c - c_before), divided by 1 + momentum: the size does not matter, the phases do.
        ahead = now
        if before is not None and momentum:
            ahead = torch.sub(now, before, alpha=momentum / (1 + momentum))
        spectra, before = _resized(ahead, twice), now
    return spectra


def _resized(spectra: Tensor, twice: Tensor) -> Tensor:
    """The phases of `spectra` (b, F, n_bins) with magnitudes `twice` (b, F, 2 n_bins), each written twice.

    Written without abs() or a sum over pairs, which cost more than the FFT: z conj(z) (1 + i) holds the
    power in both parts, and the rest is arithmetic on one long row of floats.
    """
    power = torch.conj_physical(spectra).mul_(spectra).mul_(1 + 1j)
    factor = torch.view_as_real(power).flatten(-2).clamp_min_(TINY).rsqrt_().mul_(twice)
    factor.mul_(torch.view_as_real(spectra).flatten(-2))
    return power  # `factor` shares its memory and has overwritten it


@lru_cache(maxsize=4)
def _random(n_bins: int, n_frames: int, seed: int) -> Tensor:
    draw = np.random.default_rng(seed).random((n_bins, n_frames), dtype=np.float32)
    return torch.from_numpy(draw).mul_(2 * math.pi)
