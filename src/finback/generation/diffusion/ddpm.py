"""The classic diffusion model as a reference: 1000 steps, linear betas, ancestral sampling (Ho et al. 2020).

Ho, Jain & Abbeel work in "variance preserving" coordinates, `x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise`
(arXiv 2006.11239, eq. 4). Divided by `sqrt(abar_t)` this is clean data plus `sigma_t` times noise,
`sigma_t = sqrt((1 - abar_t) / abar_t)`, so the same denoiser serves both. A step is fully described by its
noise level, so `ddpm` is a sampler like the others and takes its schedule from the levels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.contract import Denoise, Noise, StepCallback

STEPS = 1000
BETAS = (1e-4, 0.02)  # first and last; Ho et al. 2020, section 4


def ddpm_sigmas(steps: int = STEPS) -> Tensor:
    """(steps + 1,) float64 noise levels from 157 down to 0.01, then 0: the whole schedule, or `steps` of it.

    Raises `SettingsError` unless 1 <= steps <= 1000.
    """
    if not 1 <= steps <= STEPS:
        raise SettingsError(f"{steps} steps: the classic schedule has {STEPS}", f"give 1 to {STEPS}")
    abar = torch.cumprod(1 - torch.linspace(*BETAS, STEPS, dtype=torch.float64), dim=0)
    levels = ((1 - abar) / abar).sqrt().flip(0)
    kept = torch.linspace(0, STEPS - 1, steps, dtype=torch.float64).round().long()
    return torch.cat([levels[kept], torch.zeros(1, dtype=torch.float64)])


@torch.no_grad()
def ddpm(
    denoise: Denoise, noise: Tensor, sigmas: Tensor, streams: Noise, callback: StepCallback | None = None
) -> Tensor:
    """Ancestral sampling, Ho et al. 2020, algorithm 2, with the posterior of eq. 6 and 7 and its own
    variance.

    noise: (B, ...) standard normal. sigmas: falling to 0, as from `ddpm_sigmas`. Returns (B, ...). Draws
    noise at every step except the last.
    """
    abars = (1 / (1 + sigmas.double() ** 2)).tolist()
    x = noise  # (B, ...), variance preserving throughout
    for i, (abar, before) in enumerate(pairwise(abars)):
        sigma, alpha = float(sigmas[i]), abar / before  # alpha_t = 1 - beta_t
        exploded = x / abar**0.5
        clean = denoise(exploded, x.new_full((len(x),), sigma))
        if callback:
            callback(i, sigma, exploded, clean)
        if before == 1:
            return clean
        x = before**0.5 * (1 - alpha) / (1 - abar) * clean + alpha**0.5 * (1 - before) / (1 - abar) * x
        variance = (1 - before) / (1 - abar) * (1 - alpha)
        x = x + variance**0.5 * streams.normal(tuple(x.shape[1:]))
    return x
