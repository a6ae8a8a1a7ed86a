"""Per-channel energy normalisation: each band divided by its own recent past, then compressed.

Source: Wang et al. 2017, "Trainable frontend for robust and far-field keyword spotting", ICASSP, eq. 1-2;
constants and initial state as librosa's `pcen`, so the two agree.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GAIN = 0.98
BIAS = 2.0
POWER = 0.5
TIME_CONSTANT_S = 0.4
EPS = 1e-6
INTEGER_SCALE = 2.0**31  # the constants were chosen for audio in 32-bit integer units


def pcen(mel_power: Tensor, frames_per_s: float) -> Tensor:
    """(B, M, F) mel power of waves in [-1, 1] -> (B, M, F) PCEN, dimensionless."""
    # librosa: T frames of time constant -> the pole of a one-pole low-pass with that settling time.
    frames = TIME_CONSTANT_S * frames_per_s
    s = (math.sqrt(1.0 + 4.0 * frames**2) - 1.0) / (2.0 * frames**2)
    energy = mel_power * INTEGER_SCALE
    smooth = torch.empty_like(energy)
    state = torch.ones_like(energy[..., 0])
    for frame in range(energy.shape[-1]):
        state = (1.0 - s) * state + s * energy[..., frame]
        smooth[..., frame] = state
    # exp(-gain log(eps + M)) rather than a power: stable where a band is silent.
    gain = torch.exp(-GAIN * (math.log(EPS) + torch.log1p(smooth / EPS)))
    return (energy * gain + BIAS).pow(POWER) - BIAS**POWER
