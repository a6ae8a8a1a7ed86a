"""The level of a vocoded wave: that of its spectrogram or that of a real clip, and never clipped.

A log-mel in dB re 1 holds the level. A spec that normalises its windows (`level` peak or rms) or removes the
background has no level; then a wave can take the level of a real clip.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.audio.level import SILENCE

PEAK = 0.99  # of full scale: leaves 16-bit files a last step above the highest sample


def limit(waves: Tensor, peak: float = PEAK) -> Tensor:
    """(B, T); a wave above `peak` is scaled down as a whole, the others stay as they are."""
    highest = waves.abs().amax(dim=1, keepdim=True)
    return torch.where(highest > peak, waves * (peak / highest.clamp_min(SILENCE)), waves)


def rms(waves: Tensor) -> Tensor:
    """(B, T) -> (B,) root mean square."""
    return waves.double().square().mean(dim=1).sqrt().to(waves.dtype)


def match(waves: Tensor, wanted_rms: Tensor | float, peak: float = PEAK) -> Tensor:
    """(B, T) at the level `wanted_rms`, (B,) or one for all, or just below `peak` where that is lower.

    Silence stays silence.
    """
    have = rms(waves)
    gain = torch.where(have > SILENCE, wanted_rms / have.clamp_min(SILENCE), 1.0)
    return limit(waves * gain[:, None], peak)
