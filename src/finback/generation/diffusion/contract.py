"""The types that the parts of diffusion sampling pass to one another.

All values are in "variance exploding" coordinates: a noisy sample is clean data plus `sigma` times
standard normal noise, never scaled down. The score is then `(denoise(x, sigma) - x) / sigma**2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
"""`(x (B, ...), sigma (B,)) -> (B, ...)`: the expected clean data, given noisy data."""

StepCallback = Callable[[int, float, Tensor, Tensor], None]
"""`(step, sigma, x (B, ...), denoised (B, ...))`: called at every step, before x changes."""


class Noise(Protocol):
    """The source of fresh noise during sampling; `seeds.Streams` is one."""

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """(B, *shape) standard normal."""
        ...
