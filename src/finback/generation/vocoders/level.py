"""How loud a made wave is: as loud as its spectrogram says, or as a real clip is, and never clipped.

A log-mel in dB re 1 holds the level. A spec that scales its windows (`level` peak or rms) or removes the
background has taken it away; then the level of a real clip is put in its place.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.audio.level import SILENCE

PEAK = 0.99  # of full scale: leaves 16-bit files a last step above the highest sample


def limit(waves: Tensor, peak: float = PEAK) -> Tensor:
    """(B, T) with those that pass `peak` turned down as a whole; nothing is cut off, the others stay."""
    highest = waves.abs().amax(dim=1, keepdim=True)
    return torch.where(highest > peak, waves * (peak / highest.clamp_min(SILENCE)), waves)


def rms(waves: Tensor) -> Tensor:
    """(B, T) -> (B,) root mean square."""
    return waves.double().square().mean(dim=1).sqrt().to(waves.dtype)


def match(waves: Tensor, wanted_rms: Tensor | float, peak: float = PEAK) -> Tensor:
    """(B, T) at the level of real clips, `wanted_rms` (B,) or one for all, or just below `peak` where that is
    lower. Silence stays silence.
    """
    have = rms(waves)
    gain = torch.where(have > SILENCE, wanted_rms / have.clamp_min(SILENCE), 1.0)
    return limit(waves * gain[:, None], peak)
