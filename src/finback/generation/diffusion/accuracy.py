"""How much too wide or too narrow the samples of a sampler are with few steps, in closed form.

For normal data of deviation d the best denoiser is linear, `D(x) = d² / (d² + sigma²) x`, so a sample is a
sum of its starting noise and of the noise of each step, each times a number. The sampler itself gives these
numbers when every noise is a unit vector of its own; the root of the sum of their squares is the deviation of
the samples.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from finback.core.errors import Inexact
from finback.generation.diffusion.samplers import SAMPLERS, levels_for

DEVIATIONS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of texture, to those of differences between whole calls
ALLOWED = 0.1
ADDED_NOISE = ("ancestral", "ddpm")


def width_errors(sampler: str, steps: int) -> tuple[float, float]:
    """(least, most) error of the deviation of samples over `DEVIATIONS`: -0.2 is a fifth too narrow.

    Raises `SettingsError` as `levels_for` does.
    """
    levels = levels_for(sampler, steps)
    found = []
    for deviation in DEVIATIONS:
        noise = _UnitNoise(1 + len(levels) if sampler in ADDED_NOISE else 1)

        def denoise(x: Tensor, sigma: Tensor, square: float = deviation**2) -> Tensor:
            return square / (square + sigma[:, None] ** 2) * x

        sample = SAMPLERS[sampler](denoise, noise.normal((noise.size,)), levels, noise, None)
        found.append(float(sample.norm()) / deviation - 1)
    return min(found), max(found)


def warn_of_width(sampler: str, steps: int) -> None:
    """One line, where the samples are more than a tenth too narrow or too wide."""
    least, most = width_errors(sampler, steps)
    if max(-least, most) <= ALLOWED:
        return
    warnings.warn(
        f"sampler {sampler} with {steps} steps: the samples have {100 * (1 + least):.0f} to "
        f"{100 * (1 + most):.0f} % of the variation that they should have; give more --steps, or --sampler "
        "dpmpp-3m with 18 steps",
        Inexact,
        stacklevel=3,
    )


class _UnitNoise:
    """Noise whose n-th draw is the n-th unit vector."""

    def __init__(self, size: int) -> None:
        self.size, self.draws = size, 0

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.zeros((1, *shape), dtype=torch.float64)
        drawn[0, self.draws] = 1.0
        self.draws += 1
        return drawn
