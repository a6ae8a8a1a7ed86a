"""`Frames`: waves to complex spectra and back, the transform of the vocoders.

The frames are those of `LogMel`, but with phases, a batch at a time, frame by frame in memory. Gradients
go through.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec


class Frames:
    """Waves of `length` samples <-> spectra of their `n_frames` centred frames, by the spec's Hann window.

    The padded wave (B, needed) has half a window of silence before and after, as in the frames of
    `LogMel`.
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
