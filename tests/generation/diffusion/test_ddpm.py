"""The classic schedule and its ancestral sampler: by hand, against our own other form, against diffusers."""

from __future__ import annotations

import pytest
import torch
from analytic import Counted, Pooled, gaussian
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.ddpm import ddpm, ddpm_sigmas
from finback.generation.diffusion.samplers import ancestral, ddim
from finback.generation.diffusion.seeds import Streams


def normal(n: int, seed: int = 3) -> Tensor:
    return torch.randn((n, 2), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_classic_noise_levels() -> None:
    levels = ddpm_sigmas()
    assert levels.shape == (1001,)
    assert (levels.diff() < 0).all()
    assert levels[0] == pytest.approx(157.4, abs=0.1)  # abar_1000 = 4.04e-5
    assert levels[-2] == pytest.approx((1e-4 / (1 - 1e-4)) ** 0.5)  # abar_1 = 1 - beta_1
    assert levels[-1] == 0
    fewer = ddpm_sigmas(50)
    assert fewer.shape == (51,)
    assert fewer[0] == levels[0]
    assert fewer[-2] == levels[-2]
    assert set(fewer.tolist()) <= set(levels.tolist())
    assert ddpm_sigmas(1).tolist() == [levels[0], 0]


@pytest.mark.parametrize("steps", [0, 1001])
def test_a_wrong_number_of_steps_is_refused(steps: int) -> None:
    with pytest.raises(SettingsError, match=str(steps)):
        ddpm_sigmas(steps)


def test_one_evaluation_a_step_and_noise_at_all_but_the_last() -> None:
    counted, streams = Counted(gaussian()), Pooled(3)
    ddpm(counted, normal(3), ddpm_sigmas(100), streams)
    assert (counted.calls, streams.draws) == (100, 99)


def test_the_other_coordinates_say_the_same() -> None:
    """Ho et al.'s posterior, divided by sqrt(abar), is that of `ancestral`."""
    levels = ddpm_sigmas()
    ours = ddpm(gaussian(), normal(20), levels, Pooled(20))
    # variance preserving noise of deviation 1 is sqrt(sigma² + 1) of it here
    start = normal(20) * (1 + 1 / levels[0] ** 2) ** 0.5
    assert torch.allclose(ours, ancestral(gaussian(), start, levels, Pooled(20)), atol=1e-8)


def test_equal_to_the_ddpm_scheduler_of_diffusers_step_for_step() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDPMScheduler(
        1000, 1e-4, 0.02, "linear", clip_sample=False, prediction_type="sample"
    )
    scheduler.alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000).double(), dim=0)
    scheduler.set_timesteps(1000)
    x, generator, path = normal(8), torch.Generator().manual_seed(0), []
    for t in scheduler.timesteps:
        abar = scheduler.alphas_cumprod[t].item()
        path.append(x / abar**0.5)
        clean = gaussian()(x / abar**0.5, x.new_full((8,), ((1 - abar) / abar) ** 0.5))
        x = scheduler.step(clean, t, x, generator=generator).prev_sample
    seen: list[Tensor] = []
    end = ddpm(gaussian(), normal(8), ddpm_sigmas(), Pooled(8, 0), lambda i, s, x, d: seen.append(x))
    for their, mine in zip(path, seen, strict=True):
        assert torch.allclose(mine, their, rtol=1e-5, atol=1e-5)
    assert torch.allclose(end, x, atol=1e-5)


def test_equal_to_the_ddim_scheduler_of_diffusers_step_for_step() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDIMScheduler(
        1000, 1e-4, 0.02, "linear", clip_sample=False, prediction_type="sample"
    )
    scheduler.set_timesteps(50)
    abars = [scheduler.alphas_cumprod[t].item() for t in scheduler.timesteps]
    levels = torch.tensor([((1 - a) / a) ** 0.5 for a in abars] + [0.0], dtype=torch.float64)
    x, path = normal(8) * levels[0] * abars[0] ** 0.5, []
    for t, abar in zip(scheduler.timesteps, abars, strict=True):
        path.append(x / abar**0.5)
        clean = gaussian()(x / abar**0.5, x.new_full((8,), ((1 - abar) / abar) ** 0.5))
        x = scheduler.step(clean, t, x, eta=0.0).prev_sample
    seen: list[Tensor] = []
    end = ddim(gaussian(), normal(8), levels, Streams([]), lambda i, s, x, d: seen.append(x))
    for their, mine in zip(path, seen, strict=True):
        assert torch.allclose(mine, their, rtol=1e-4, atol=1e-4)
    assert torch.allclose(end, x, atol=1e-4)
