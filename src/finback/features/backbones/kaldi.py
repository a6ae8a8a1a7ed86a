"""Mel filterbank features as Kaldi computes them, for networks that were trained on such features.

Frames are freed of their mean, pre-emphasised, and multiplied by Kaldi's own window (a Hann window to the
power 0.85); the bands are triangles that are straight on the scale 1127 ln(1 + f / 700). Source: the Kaldi
toolkit (Povey et al. 2011), `feat/feature-window.cc` and `feat/mel-computations.cc`, with its defaults and no
dither.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SAMPLE_RATE = 16_000
FRAME, SHIFT, N_FFT = 400, 160, 512  # samples: 25 ms, 10 ms, the next power of two
PREEMPHASIS = 0.97
LOWEST_HZ = 20.0
LEAST = float(torch.finfo(torch.float32).eps)  # power


class Fbank(nn.Module):
    """(B, T) waves in 16-bit units at 16 kHz -> (B, F, M) natural logarithms of power."""

    window: Tensor
    bands: Tensor

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        with torch.device("cpu"):
            window = torch.hann_window(FRAME, periodic=False, dtype=torch.float64).pow(0.85).float()
            self.register_buffer("window", window, persistent=False)
            self.register_buffer("bands", torch.from_numpy(mel_bands(n_mels)), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        frames = waves.unfold(1, FRAME, SHIFT)  # (B, F, 400): only whole frames
        frames = frames - frames.mean(dim=2, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        spectrum = torch.fft.rfft((frames - PREEMPHASIS * before) * self.window, N_FFT)
        power = torch.view_as_real(spectrum).square().sum(dim=-1)  # (B, F, n_bins)
        return (power @ self.bands).clamp_min(LEAST).log()


def mel_bands(n_mels: int) -> NDArray[np.float32]:
    """(n_bins, M) float32 triangles from 20 Hz to 8 kHz; the bin at 8 kHz belongs to none."""
    mel = 1127.0 * np.log1p(np.fft.rfftfreq(N_FFT, 1.0 / SAMPLE_RATE) / 700.0)[:, None]  # (n_bins, 1)
    low = 1127.0 * np.log1p(LOWEST_HZ / 700.0)
    step = (mel[-1, 0] - low) / (n_mels + 1)
    centres = low + step * np.arange(1, n_mels + 1)
    triangles = np.maximum(0.0, 1.0 - np.abs(mel - centres) / step)
    triangles[-1] = 0.0
    return triangles.astype(np.float32)
