"""The learning rate as a pure function of the step, and the averaged weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def learning_rate(step: int, n_steps: int, peak: float, warmup: float) -> float:
    """Linear warm-up, then a cosine to 1 % of the peak (Loshchilov & Hutter 2017, SGDR, eq. 5, one cycle)."""
    rising = max(1, round(warmup * n_steps))
    if step < rising:
        return peak * (step + 1) / rising
    done = (step - rising) / max(1, n_steps - rising)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))


class AveragedWeights:
    """Exponential moving average of a model's weights (Polyak & Juditsky 1992), with a half-life in steps.

    In the first steps the average is over fewer steps: decay = min(that of the half-life, (1 + n) / (10 +
    n)). Buffers, such as batch-norm statistics, are running means already and are copied.
    """

    def __init__(self, model: nn.Module, half_life_steps: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = 0.5 ** (1.0 / max(half_life_steps, 1e-9))

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards the weights of `model` after step `step`."""
        weight = 1.0 - min(self.decay, (1.0 + step) / (10.0 + step))
        for average, current in zip(self.model.parameters(), model.parameters(), strict=True):
            average.lerp_(current, weight)
        for copied, buffer in zip(self.model.buffers(), model.buffers(), strict=True):
            copied.copy_(buffer)
