"""Data distributions whose best denoiser is known in closed form: what samplers are checked on."""

from __future__ import annotations

import torch
from torch import Tensor

from finback.generation.diffusion.contract import Denoise

MEAN = torch.tensor([1.0, -2.0], dtype=torch.float64)
SPREAD = torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=torch.float64)  # covariance


def gaussian(mean: Tensor = MEAN, covariance: Tensor = SPREAD) -> Denoise:
    """The posterior mean for normal data (B, D): mean + C (C + sigma² I)^-1 (x - mean)."""
    values, axes = torch.linalg.eigh(covariance)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        along = (x - mean) @ axes
        return mean + (along * values / (values + sigma[:, None] ** 2)) @ axes.T

    return denoise


def flow(noise: Tensor, top: float, mean: Tensor = MEAN, covariance: Tensor = SPREAD) -> Tensor:
    """Where the probability flow from `top * noise` ends: each principal axis shrinks by its own factor."""
    values, axes = torch.linalg.eigh(covariance)
    along = (top * noise - mean) @ axes
    return mean + (along * (values / (values + top**2)).sqrt()) @ axes.T


def mixture(weights: Tensor, centres: Tensor, deviation: float) -> Denoise:
    """The posterior mean for a mixture of normal humps of equal width; weights (K,), centres (K, D)."""

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        total = sigma[:, None] ** 2 + deviation**2  # (B, 1)
        away = torch.cdist(x, centres.to(x.dtype)) ** 2  # (B, K)
        share = (weights.to(x.dtype).log() - away / (2 * total)).softmax(dim=1)
        gain = deviation**2 / total
        return gain * x + (1 - gain) * share @ centres.to(x.dtype)

    return denoise


class Pooled:
    """Noise for the whole batch from one generator: many small samples would be slow with one each."""

    def __init__(self, n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> None:
        self.n, self.dtype, self.draws = n, dtype, 0
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        self.draws += 1
        return torch.randn((self.n, *shape), generator=self.generator, dtype=self.dtype)


class Counted:
    """A denoiser that counts how often it is asked, and for how many rows."""

    def __init__(self, denoise: Denoise) -> None:
        self.denoise, self.calls, self.rows = denoise, 0, 0

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        self.rows += len(x)
        return self.denoise(x, sigma)
