"""Who is asked for, and how strongly: a labelled denoiser becomes the `Denoise` that samplers know.

- `unguided`: the species is told to the network, no more.
- `classifier_free` (Ho & Salimans 2022, arXiv 2207.12598): away from what the network says when it is told no
  species, within an interval of noise levels (Kynkäänniemi et al. 2024, arXiv 2404.07724). Outside the
  interval, where guidance only costs variety, the network is asked once.
- `classifier_guided` (Dhariwal & Nichol 2021, arXiv 2105.05233): uphill in the log-probability that a
  classifier, any that can be differentiated, gives to the species.
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
    """The species (B,) told to the network, and nothing else done."""

    def told(x: Tensor, sigma: Tensor) -> Tensor:
        return denoise(x, sigma, labels)

    return told


def classifier_free(
    denoise: LabelledDenoise,
    labels: Tensor,
    null: int,
    weight: float,
    interval: tuple[float, float] = (0.0, inf),
) -> Denoise:
    """`D = D0 + weight (D1 - D0)`, D1 told the species (B,), D0 told `null`; weight 1 is no guidance.

    Noise levels in `low < sigma <= high` are guided, with both answers from one batch of twice the size;
    elsewhere D = D1, in a batch of the usual size. Raises `SettingsError` on a weight below 0 or an empty
    interval.
    """
    low, high = interval
    if weight < 0:
        raise SettingsError(f"guidance {weight:g}: below 0", "1 is none, 1.5 to 3 is usual")
    if not 0 <= low < high:
        raise SettingsError(f"guidance interval {low:g} to {high:g}: empty", "give 0 <= low < high")
    if weight == 1:
        return unguided(denoise, labels)

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        inside = ((sigma > low) & (sigma <= high)).nonzero().flatten()  # rows; all or none within a sampler
        nobody = torch.full_like(labels[inside], null)
        answers = denoise(
            torch.cat([x, x[inside]]), torch.cat([sigma, sigma[inside]]), torch.cat([labels, nobody])
        )
        told, untold = answers[: len(x)], answers[len(x) :]
        return told.index_copy(0, inside, untold + weight * (told[inside] - untold))

    return guided


def classifier_guided(denoise: Denoise, log_prob: LogProb, scale: float, sigma_data: float = 1.0) -> Denoise:
    """Adds `scale * sigma**2 * gradient of log p(species | x)` to what `denoise` says (the score's shift in
    EDM).

    `log_prob` maps clean data (B, ...) to (B,) and has never seen noise, so two things are put for the true
    gradient. p(species | noisy x) is taken to be p(species | D(x)); and the chain rule's Jacobian dD/dx,
    which would cost a pass backwards through the network, is taken to be `sigma_data² / (sigma² +
    sigma_data²)`, its value for Gaussian data (Song et al. 2023, ΠGDM, section 3.2). Both are exact where the
    data are Gaussian and `log_prob` is linear. The step is then at most `scale * sigma_data²` times the
    gradient, at any noise level.
    """

    def guided(x: Tensor, sigma: Tensor) -> Tensor:
        clean = denoise(x, sigma)
        with torch.enable_grad():
            here = clean.detach().requires_grad_()
            (uphill,) = torch.autograd.grad(log_prob(here).sum(), here)
        variance = sigma**2 * sigma_data**2 / (sigma**2 + sigma_data**2)  # of the clean data, given x
        return clean + scale * variance.reshape(-1, *[1] * (x.ndim - 1)) * uphill

    return guided if scale else denoise
