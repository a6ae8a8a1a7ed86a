"""Griffin-Lim, plain and fast: magnitudes to waves, a batch at a time.

A magnitude says how loud each frequency is, not where in its swing. Griffin-Lim starts from random phases
and goes to and fro: to a wave, and back to its spectrogram, which keeps its phases and is given the magnitude
asked for. The fast variant goes on past where a round has led, in the direction of the last two.

Sources: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP
32(2); Perraudin, Balazs & Søndergaard 2013, "A fast Griffin-Lim algorithm", WASPAA.

Given the same first phases the numbers are librosa's (`librosa.griffinlim`), to float rounding.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from finback.features.logmel import slice_for
from finback.features.spec import FeatureSpec

FAST = 0.99  # momentum; Perraudin et al. recommend it, and librosa takes it
TINY = 1e-30  # power: below it a bin has no phase


class Frames:
    """Waves of `length` samples <-> spectra of their `n_frames` centred frames, by the spec's Hann window.

    The wave between, "padded" (B, needed), has half a window before and after, always silent: the
    spectrogram's own frames see the same there.
    """

    def __init__(self, spec: FeatureSpec, n_frames: int, length: int, like: Tensor) -> None:
        self.n_fft, self.hop = spec.n_fft, spec.hop
        self.n_frames, self.length = n_frames, length
        window = torch.hann_window(spec.n_fft, dtype=torch.float64)
        self.parts = -(-spec.n_fft // spec.hop)  # frames over each sample
        # 1 / the windows' overlapped squares makes the inverse the least-squares one (Griffin & Lim, eq. 6).
        weight = self._overlapped(window.square().expand(1, n_frames, -1))[0]
        inside = torch.zeros_like(weight)
        inside[spec.n_fft // 2 : spec.n_fft // 2 + length] = 1
        self.window = window.to(like)
        self.normal = (inside / weight.clamp_min(1e-6)).to(like)  # (needed,)

    def analyse(self, padded: Tensor) -> Tensor:
        """(B, needed) -> (B, F, n_bins) complex."""
        used = padded[:, : (self.n_frames - 1) * self.hop + self.n_fft]
        return torch.fft.rfft(used.unfold(1, self.n_fft, self.hop) * self.window)

    def synthesise(self, spectra: Tensor) -> Tensor:
        """(B, F, n_bins) complex -> (B, needed), whose spectra come closest."""
        frames = torch.fft.irfft(spectra, n=self.n_fft).mul_(self.window)
        return self._overlapped(frames).mul_(self.normal)

    def padded(self, waves: Tensor) -> Tensor:
        """(B, length) -> (B, needed)."""
        left = self.n_fft // 2
        return nn.functional.pad(waves, (left, len(self.normal) - left - waves.shape[1]))

    def cut(self, padded: Tensor) -> Tensor:
        """(B, needed) -> (B, length)."""
        return padded[:, self.n_fft // 2 :][:, : self.length]

    def _overlapped(self, frames: Tensor) -> Tensor:
        """(B, F, n_fft) -> (B, needed): added, a hop apart."""
        rows = max(self.n_frames + self.parts - 1, -(-(self.n_fft // 2 + self.length) // self.hop))
        out = frames.new_zeros(len(frames), rows, self.hop)
        for k in range(self.parts):
            part = frames[..., k * self.hop : (k + 1) * self.hop]
            out[:, k : k + self.n_frames, : part.shape[-1]] += part
        return out.flatten(1)


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
    them they are drawn from `seed`, the same for every clip, so that a wave does not depend on its batch.
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
        found = frames.analyse(frames.synthesise(spectra))
        # c + momentum (c - c_before), divided by 1 + momentum: the size does not matter, the phases do.
        ahead = found
        if before is not None and momentum:
            ahead = torch.sub(found, before, alpha=momentum / (1 + momentum))
        spectra, before = _resized(ahead, twice), found
    return spectra


def _resized(spectra: Tensor, twice: Tensor) -> Tensor:
    """The phases of `spectra` (b, F, n_bins) with the magnitudes that `twice` (b, F, 2 n_bins) has double.

    Written without abs() or a sum over pairs, which cost more than the FFT: z conj(z) (1 + i) holds the
    power in both parts, and the rest is arithmetic on one long row of floats.
    """
    power = torch.conj_physical(spectra).mul_(spectra).mul_(1 + 1j)
    factor = torch.view_as_real(power).flatten(-2).clamp_min_(TINY).rsqrt_().mul_(twice)
    factor.mul_(torch.view_as_real(spectra).flatten(-2))
    return power  # whose memory `factor` has filled


@lru_cache(maxsize=4)
def _random(n_bins: int, n_frames: int, seed: int) -> Tensor:
    draw = np.random.default_rng(seed).random((n_bins, n_frames), dtype=np.float32)
    return torch.from_numpy(draw).mul_(2 * math.pi)
