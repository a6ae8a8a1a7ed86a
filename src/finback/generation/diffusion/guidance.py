"""Guidance towards a species: a labelled denoiser becomes the `Denoise` that samplers use.

- `unguided`: the network gets the species as a label, nothing else.
- `classifier_free` (Ho & Salimans 2022, arXiv 2207.12598): extrapolates from the answer of the
  network without a label, within an interval of noise levels (Kynkäänniemi et al. 2024, arXiv 2404.07724).
  Outside the interval, where guidance only reduces diversity, the network is evaluated once.
- `classifier_guided` (Dhariwal & Nichol 2021, arXiv 2105.05233): follows the gradient of the log-probability
  of the species under a differentiable classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.contract import Denoise
from finback.models.networks.preconditioning import LabelledDenoise

LogProb = Callable[[Tensor], Tensor]


def unguided(denoise: LabelledDenoise, labels: Tensor) -> Denoise:
    """The network with the species (B,) as labels, without guidance."""

    def labelled(x: Tensor, sigma: Tensor) -> Tensor:
        return denoise(x, sigma, labels)

    return labelled


def classifier_free(
    denoise: LabelledDenoise,
    labels: Tensor,
    null: int,
    weight: float,
    interval: tuple[float, float] = (0.0, inf),
) -> Denoise:
    """`D = D0 + weight (D1 - D0)`: D1 with the species (B,) as labels, D0 with the label `null`.

    Weight 1 is off.

    Noise levels in `low < sigma <= high` are guided: one batch of twice the size gives both answers.
    Elsewhere D = D1, from a batch of the usual size. Raises `SettingsError` on a weight below 0 or an empty
    interval.
    """
    low, high = interval
    if weight < 0:
        raise SettingsError(f"guidance {weight:g}: below 0", "1 is off, 1.5 to 3 is usual")
    if not 0 <= low < high:
        raise SettingsError(f"guidance interval {low:g} to {high:g}: empty", "give 0 <= low < high")
    if weight == 1:
        return unguided(denoise, labels)

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        inside = ((sigma > low) & (sigma <= high)).nonzero().flatten()  # rows; all or none within a sampler
        no_label = torch.full_like(labels[inside], null)
        answers = denoise(
            torch.cat([x, x[inside]]), torch.cat([sigma, sigma[inside]]), torch.cat([labels, no_label])
        )
        with_label, without = answers[: len(x)], answers[len(x) :]
        return with_label.index_copy(0, inside, without + weight * (with_label[inside] - without))

    return guided


def classifier_guided(denoise: Denoise, log_prob: LogProb, scale: float, sigma_data: float = 1.0) -> Denoise:
    """Adds `scale * sigma**2 * gradient of log p(species | x)` to `denoise` (the shift of the score in EDM).

    `log_prob` maps clean data (B, ...) to (B,) and was not trained on noise, so the true gradient is replaced
    by two approximations. p(species | noisy x) is taken to be p(species | D(x)). The Jacobian dD/dx of the
    chain rule, which would cost a backward pass through the network, is taken to be `sigma_data² / (sigma² +
    sigma_data²)`, its value for Gaussian data (Song et al. 2023, ΠGDM, section 3.2). Both are exact for
    Gaussian data and a linear `log_prob`. The step is at most `scale * sigma_data²` times the gradient at any
    noise level.
    """

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        clean = denoise(x, sigma)
        with torch.enable_grad():
            leaf = clean.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(log_prob(leaf).sum(), leaf)
        variance = sigma**2 * sigma_data**2 / (sigma**2 + sigma_data**2)  # of the clean data, given x
        return clean + scale * variance.reshape(-1, *[1] * (x.ndim - 1)) * gradient

    return guided if scale else denoise
