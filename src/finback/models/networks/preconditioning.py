"""EDM preconditioning: one network that works at every noise level (Karras et al. 2022, arXiv 2206.00364).

A raw network `(x, c_noise, labels) -> x` becomes `denoise(x, sigma, labels) -> x`, the best estimate of the
clean spectrogram, given a noisy one. Inputs and targets of the network have deviation 1 at every noise level
(table 1).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Network = Callable[[Tensor, Tensor, Tensor], Tensor]
LabelledDenoise = Callable[[Tensor, Tensor, Tensor], Tensor]


def precondition(network: Network, sigma_data: float) -> LabelledDenoise:
    """`denoise(x (B, ...), sigma (B,), labels (B,)) -> (B, ...)`, for data of deviation `sigma_data`."""

    def denoise(x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        s = sigma.reshape(-1, *[1] * (x.ndim - 1))
        total = torch.sqrt(s**2 + sigma_data**2)
        skip, out = sigma_data**2 / total**2, s * sigma_data / total
        return skip * x + out * network(x / total, sigma.log() / 4, labels)

    return denoise


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """(B,) weight of the squared error that gives every noise level equal weight."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def draw_sigma(normal: Tensor, mean: float, spread: float) -> Tensor:
    """Noise levels (B,) for training from standard normal draws (B,): log-normal."""
    return torch.exp(mean + spread * normal)
