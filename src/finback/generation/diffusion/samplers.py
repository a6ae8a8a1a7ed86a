"""Samplers: pure functions that turn noise into data by evaluating a denoiser at falling noise levels.

    levels = sigmas(18)                                  # (19,), from 80 down to 0
    x = heun(unguided(denoise, labels), streams.normal(shape), levels, streams)

All have one signature, `(denoise, noise, sigmas, streams, callback)`; `SAMPLERS` names them. `noise` is
standard normal and is scaled here. Samplers that add noise at each step draw from `streams`, the object that
`noise` came from.

| sampler  | evaluations per step | order | adds noise       |
|----------|----------------------|-------|------------------|
| heun     | 2, the last 1        | 2     | with churn only  |
| ddim     | 1                    | 1     | no               |
| dpmpp-2m | 1                    | 2     | no               |
| dpmpp-3m | 1                    | 2     | no               |
| ancestral| 1                    | 1     | yes              |
| ddpm     | 1                    | 1     | yes, the classic 1000 levels |
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import expm1, inf, log

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.contract import Denoise, Noise, StepCallback
from finback.generation.diffusion.ddpm import ddpm, ddpm_sigmas


def sigmas(steps: int, low: float = 0.002, high: float = 80.0, rho: float = 7.0) -> Tensor:
    """(steps + 1,) float64 noise levels from `high` down to `low`, then 0 (Karras et al. 2022, eq. 5).

    Raises `SettingsError` if there is no step or 0 < low < high does not hold.
    """
    if steps < 1:
        raise SettingsError(f"{steps} steps: no step would be taken", "give 1 or more; 18 is usual")
    if not 0 < low < high:
        raise SettingsError(
            f"noise levels {low:g} to {high:g}: not rising from above 0", "0.002 to 80 is usual"
        )
    if rho <= 0:
        raise SettingsError(f"rho {rho:g}: not above 0", "7 is usual")
    position = torch.linspace(0, 1, steps, dtype=torch.float64)
    levels = (high ** (1 / rho) + position * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    return torch.cat([levels, torch.zeros(1, dtype=torch.float64)])


def levels_for(sampler: str, steps: int, low: float = 0.002, high: float = 80.0) -> Tensor:
    """The noise levels of a sampler: the classic schedule for `ddpm`, `sigmas` for all others.

    Raises `SettingsError` on an unknown sampler or a wrong number of steps.
    """
    if sampler not in SAMPLERS:
        raise SettingsError(f"unknown sampler '{sampler}'", "known samplers: " + ", ".join(sorted(SAMPLERS)))
    return ddpm_sigmas(steps) if sampler == "ddpm" else sigmas(steps, low, high)


def levels_from(sampler: str, steps: int, strength: float) -> Tensor:
    """The noise levels of a variation: from `sigma_of_strength` down to 0, in the same share of the steps.

    Raises `SettingsError` as `levels_for` does, and on a strength that is not between 0 and 1.
    """
    first = sigma_of_strength(strength)
    taken = max(2, round(strength * steps))
    if sampler != "ddpm":
        return levels_for(sampler, taken, high=first)
    levels = ddpm_sigmas(steps)
    return levels[int((levels > first).sum().clamp_max(len(levels) - 2)) :]


def sigma_of_strength(strength: float, low: float = 0.002, high: float = 80.0, rho: float = 7.0) -> float:
    """The noise level at a share of the way from `low` to `high`: 0.3 is 0.32, 0.5 is 2.5, 0.7 is 12.

    Raises `SettingsError` on a strength that is not above 0 and at most 1.
    """
    if not 0 < strength <= 1:
        raise SettingsError(f"strength {strength:g}: not above 0 and at most 1", "0.5 keeps the layout")
    return float((low ** (1 / rho) + strength * (high ** (1 / rho) - low ** (1 / rho))) ** rho)


@dataclass(frozen=True)
class Churn:
    """Fresh noise before every step of `heun` (Karras et al. 2022, section 4). `amount` 0: off."""

    amount: float = 0.0  # S_churn, over all steps
    low: float = 0.0  # S_tmin and S_tmax: the noise levels where noise is added
    high: float = inf
    inflation: float = 1.0  # S_noise, the deviation of the added noise


@torch.no_grad()
def heun(
    denoise: Denoise,
    noise: Tensor,
    sigmas: Tensor,
    streams: Noise,
    callback: StepCallback | None = None,
    churn: Churn = Churn(),
) -> Tensor:
    """Karras et al. 2022, algorithm 2: a step along the slope, repeated along the mean of this and the
    next slope.

    noise: (B, ...) standard normal. sigmas: falling, the last one 0. Returns (B, ...). Without churn
    no noise is drawn from `streams`, and the result is a smooth function of the noise.
    """
    levels = sigmas.tolist()
    most = min(churn.amount / (len(levels) - 1), 2**0.5 - 1)
    x = noise * levels[0]
    for i, (sigma, after) in enumerate(pairwise(levels)):
        if most > 0 and churn.low <= sigma <= churn.high:
            raised = sigma * (1 + most)
            fresh = streams.normal(tuple(x.shape[1:])) * churn.inflation
            x, sigma = x + (raised**2 - sigma**2) ** 0.5 * fresh, raised
        clean = _evaluate(denoise, x, sigma)
        if callback:
            callback(i, sigma, x, clean)
        slope = (x - clean) / sigma
        ahead = x + (after - sigma) * slope
        if after > 0:
            slope = (slope + (ahead - _evaluate(denoise, ahead, after)) / after) / 2
            ahead = x + (after - sigma) * slope
        x = ahead
    return x


@torch.no_grad()
def ddim(
    denoise: Denoise, noise: Tensor, sigmas: Tensor, streams: Noise, callback: StepCallback | None = None
) -> Tensor:
    """Song et al. 2021 (arXiv 2010.02502), eq. 12 with eta 0: in these coordinates, Euler's method.

    noise: (B, ...) standard normal. sigmas: falling, the last one 0. Returns (B, ...). Draws no noise.
    """
    levels = sigmas.tolist()
    x = noise * levels[0]
    for i, (sigma, after) in enumerate(pairwise(levels)):
        clean = _evaluate(denoise, x, sigma)
        if callback:
            callback(i, sigma, x, clean)
        x = clean + after / sigma * (x - clean)
    return x


@torch.no_grad()
def dpmpp_2m(
    denoise: Denoise, noise: Tensor, sigmas: Tensor, streams: Noise, callback: StepCallback | None = None
) -> Tensor:
    """DPM-Solver++(2M), Lu et al. 2022 (arXiv 2211.01095), algorithm 2: the last answer gives the
    curvature.

    noise: (B, ...) standard normal. sigmas: falling, the last one 0. Returns (B, ...). Draws no
    noise. The first step and the last step are of order 1: the first has no earlier answer, the last no
    logarithm.
    """
    levels = sigmas.tolist()
    x, last, h_last = noise * levels[0], None, 0.0
    for i, (sigma, after) in enumerate(pairwise(levels)):
        clean = _evaluate(denoise, x, sigma)
        if callback:
            callback(i, sigma, x, clean)
        if after == 0:
            return clean
        h = log(sigma / after)  # lambda = -ln(sigma), and h its step
        ahead = clean if last is None else clean + h / (2 * h_last) * (clean - last)
        x = after / sigma * x - expm1(-h) * ahead
        last, h_last = clean, h
    return x


@torch.no_grad()
def dpmpp_3m(
    denoise: Denoise, noise: Tensor, sigmas: Tensor, streams: Noise, callback: StepCallback | None = None
) -> Tensor:
    """DPM-Solver++(3M), from the code of the paper's authors: the last two answers give the curvature.

    noise: (B, ...) standard normal. sigmas: falling, the last one 0. Returns (B, ...). Draws no noise. The
    first two steps are those of `dpmpp_2m`, the last step is of order 1. As in other implementations, the
    curvature has half the weight of a parabola through three answers: the order is 2, but at 18 steps on
    normal data the error is a quarter of that of Heun.
    """
    levels = sigmas.tolist()
    x, answers, widths = noise * levels[0], list[Tensor](), list[float]()  # newest first
    for i, (sigma, after) in enumerate(pairwise(levels)):
        clean = _evaluate(denoise, x, sigma)
        if callback:
            callback(i, sigma, x, clean)
        if after == 0:
            return clean
        h = log(sigma / after)
        x = after / sigma * x - expm1(-h) * clean
        if len(answers) == 1:
            x = x - expm1(-h) * h / (2 * widths[0]) * (clean - answers[0])
        elif answers:
            near = (clean - answers[0]) * (h / widths[0])
            far = (answers[0] - answers[1]) * (h / widths[1])
            curvature = (near - far) * (h / (widths[0] + widths[1]))
            slope = near + curvature * (widths[0] / h)
            x = x + (expm1(-h) / h + 1) * slope - ((expm1(-h) + h) / h**2 - 0.5) * curvature
        answers, widths = [clean, *answers[:1]], [h, *widths[:1]]
    return x


@torch.no_grad()
def ancestral(
    denoise: Denoise, noise: Tensor, sigmas: Tensor, streams: Noise, callback: StepCallback | None = None
) -> Tensor:
    """Draws from the posterior at the next noise level, as `ddpm` does, for any levels.

    In these coordinates, Ho et al. 2020, eq. 7, has the mean `D + (after / sigma)² (x - D)` and the variance
    `after² (sigma² - after²) / sigma²`. noise: (B, ...) standard normal. sigmas: falling, the last one 0.
    Returns (B, ...).
    """
    levels = sigmas.tolist()
    x = noise * levels[0]
    for i, (sigma, after) in enumerate(pairwise(levels)):
        clean = _evaluate(denoise, x, sigma)
        if callback:
            callback(i, sigma, x, clean)
        x = clean + (after / sigma) ** 2 * (x - clean)
        if after > 0:
            deviation = after * (1 - (after / sigma) ** 2) ** 0.5
            x = x + deviation * streams.normal(tuple(x.shape[1:]))
    return x


SAMPLERS = {
    "heun": heun,
    "ddim": ddim,
    "dpmpp-2m": dpmpp_2m,
    "dpmpp-3m": dpmpp_3m,
    "ancestral": ancestral,
    "ddpm": ddpm,
}


def _evaluate(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    return denoise(x, x.new_full((len(x),), sigma))
