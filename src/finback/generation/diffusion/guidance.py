"""Guidance towards a species: a labelled denoiser becomes the `Denoise` that samplers use.

- `unguided`: the network gets the species as a label, nothing else.
- `classifier_free` (Ho & Salimans 2022, arXiv 2207.12598): extrapolates from the answer of the
  network without a label, within an interval of noise levels (Kynkäänniemi et al. 2024, arXiv 2404.07724).
  Outside the interval, where guidance only reduces diversity, the network is evaluated once.
- `stronger` (autoguidance, Karras et al. 2024, arXiv 2406.02507): the same away from any weaker denoiser.
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
Spread = Callable[[Tensor, Tensor], Tensor]
"""`(vector (B, ...), sigma (B,)) -> (B, ...)`: times the covariance of the clean data, given noisy data."""


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
    _check(weight, interval)
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


def stronger(
    denoise: Denoise, weaker: Denoise, weight: float, interval: tuple[float, float] = (0.0, inf)
) -> Denoise:
    """`D = D0 + weight (D1 - D0)`, where D1 is `denoise` and D0 is `weaker`. Weight 1 is off.

    Noise levels in `low < sigma <= high` are guided; all samples of a call have one level. Raises
    `SettingsError` on a weight below 0 or an empty interval.
    """
    _check(weight, interval)
    low, high = interval

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        answer = denoise(x, sigma)
        if not low < float(sigma[0]) <= high:
            return answer
        less = weaker(x, sigma)
        return less + weight * (answer - less)

    return denoise if weight == 1 else guided


def _check(weight: float, interval: tuple[float, float]) -> None:
    """Raises `SettingsError` on a weight below 0 or an empty interval."""
    low, high = interval
    if weight < 0:
        raise SettingsError(f"guidance {weight:g}: below 0", "1 is off, 1.5 to 3 is usual")
    if not 0 <= low < high:
        raise SettingsError(f"guidance interval {low:g} to {high:g}: empty", "give 0 <= low < high")


def classifier_guided(
    denoise: Denoise, log_prob: LogProb, scale: float, spread: Spread | None = None
) -> Denoise:
    """Adds `scale * sigma**2 * gradient of log p(species | x)` to `denoise` (the shift of the score in EDM).

    `log_prob` maps clean data (B, ...) to (B,) and was not trained on noise, so the true gradient is replaced
    by two approximations. p(species | noisy x) is taken to be p(species | D(x)). The Jacobian dD/dx of the
    chain rule, which would cost a backward pass through the network, is that of Gaussian data: sigma²
    times it is `spread`, the covariance of the clean data (Song et al. 2023, PiGDM, section 3.2). Both are
    exact for Gaussian data and a linear `log_prob`. Without a `spread`, all values are independent and of
    deviation 1: then a step is at most `scale` times the gradient, and since a classifier depends a little on
    each of ten thousand values, samples hardly move.
    """
    covariance = spread or independent(1.0)

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        clean = denoise(x, sigma)
        with torch.enable_grad():
            leaf = clean.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(log_prob(leaf).sum(), leaf)
        return clean + scale * covariance(gradient, sigma)

    return guided if scale else denoise


def independent(deviation: float) -> Spread:
    """The spread of independent values of one deviation."""

    def spread(gradient: Tensor, sigma: Tensor) -> Tensor:
        variance = sigma**2 * deviation**2 / (sigma**2 + deviation**2)
        return variance.reshape(-1, *[1] * (gradient.ndim - 1)) * gradient

    return spread
