"""Samplers on distributions whose answer is known, step for step against diffusers, and one by one."""

from __future__ import annotations

from collections.abc import Callable
from math import log2

import pytest
import torch
from analytic import MEAN, SPREAD, Counted, Pooled, flow, gaussian, mixture
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.samplers import (
    SAMPLERS,
    Churn,
    ancestral,
    ddim,
    dpmpp_2m,
    dpmpp_3m,
    heun,
    levels_for,
    sigmas,
)
from finback.generation.diffusion.seeds import Streams

ENOUGH = {"heun": 40, "ddim": 400, "dpmpp-2m": 60, "dpmpp-3m": 40, "ancestral": 800, "ddpm": 1000}


def normal(n: int, dims: int = 2, seed: int = 3) -> Tensor:
    return torch.randn((n, dims), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_noise_levels() -> None:
    levels = sigmas(18)
    assert levels.shape == (19,)
    assert levels[0] == pytest.approx(80)
    assert levels[17] == pytest.approx(0.002)
    assert levels[18] == 0
    assert (levels.diff() < 0).all()
    middle = ((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2) ** 7
    assert sigmas(3)[1] == pytest.approx(middle)  # eq. 5 by hand
    assert sigmas(1).tolist() == pytest.approx([80, 0])


@pytest.mark.parametrize("wrong", [(0,), (5, 2.0, 1.0), (5, 0.0, 1.0), (5, 0.1, 1.0, 0.0)])
def test_wrong_noise_levels_are_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(SettingsError):
        sigmas(*wrong)  # type: ignore[arg-type]


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(SettingsError, match="heun"):
        levels_for("hoin", 18)


@pytest.mark.parametrize("name", SAMPLERS)
def test_normal_data_keep_their_mean_and_covariance(name: str) -> None:
    n = 20_000
    x = SAMPLERS[name](gaussian(), normal(n), levels_for(name, ENOUGH[name]), Pooled(n))
    assert (x.mean(dim=0) - MEAN).abs().max() < 0.03  # one deviation is 0.007
    assert (torch.cov(x.T) - SPREAD).abs().max() < 0.03  # 0.01


@pytest.mark.parametrize("name", SAMPLERS)
def test_two_humps_keep_their_weights_and_widths(name: str) -> None:
    n = 4000
    humps = mixture(torch.tensor([0.3, 0.7]), torch.tensor([[-1.0], [1.0]]), 0.1)
    x = SAMPLERS[name](humps, normal(n, 1), levels_for(name, ENOUGH[name]), Pooled(n))[:, 0]
    left = x < 0
    assert left.double().mean() == pytest.approx(0.3, abs=0.03)
    assert x[left].mean() == pytest.approx(-1, abs=0.02)
    assert x[left].std() == pytest.approx(0.1, abs=0.01)
    assert x[~left].std() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(("sampler", "order"), [(heun, 2), (ddim, 1), (dpmpp_2m, 2), (dpmpp_3m, 2)])
def test_order_of_convergence(sampler: Callable[..., Tensor], order: int) -> None:
    """Twice the steps: an error 2^order times smaller."""
    noise = normal(50)
    errors = []
    for steps in (128, 256):
        x = sampler(gaussian(), noise, sigmas(steps, low=1e-3), Streams([]))
        errors.append((x - flow(noise, 80.0)).abs().max().item())
    assert log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)
    assert errors[1] < 0.05


def test_the_third_answer_pays_at_few_steps() -> None:
    noise = normal(200)
    errors = [
        (sampler(gaussian(), noise, sigmas(18), Streams([])) - flow(noise, 80.0)).square().mean()
        for sampler in (dpmpp_3m, heun, dpmpp_2m, ddim)
    ]
    assert errors[0] * 2 < errors[1] < errors[2] < errors[3]  # and heun asks twice as often


@pytest.mark.parametrize(
    ("sampler", "calls"), [(heun, 35), (ddim, 18), (dpmpp_2m, 18), (dpmpp_3m, 18), (ancestral, 18)]
)
def test_evaluations_are_as_promised(sampler: Callable[..., Tensor], calls: int) -> None:
    counted, streams = Counted(gaussian()), Pooled(5)
    sampler(counted, normal(5), sigmas(18), streams)
    assert counted.calls == calls
    assert counted.rows == 5 * calls
    assert streams.draws == (17 if sampler is ancestral else 0)


def test_churn_adds_noise_where_it_is_asked_for_and_keeps_the_distribution() -> None:
    n = 20_000
    streams = Pooled(n)
    levels = sigmas(60)
    x = heun(gaussian(), normal(n), levels, streams, churn=Churn(20, 0.05, 50))
    assert streams.draws == int(((levels >= 0.05) & (levels <= 50)).sum())
    assert (x.mean(dim=0) - MEAN).abs().max() < 0.04
    assert (torch.cov(x.T) - SPREAD).abs().max() < 0.04
    assert (x - flow(normal(n), 80.0)).abs().mean() > 0.3  # another sample, not the flow's


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_names_a_sample_whatever_its_batch(name: str) -> None:
    humps = mixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0, 0], [1.0, 0, 1]]), 0.3)
    levels = levels_for(name, 20)

    def made(seeds: list[int]) -> Tensor:
        streams = Streams(seeds)
        return SAMPLERS[name](humps, streams.normal((3,)), levels, streams)

    together = made([5, 6, 7, 8, 9])
    shuffled = made([9, 5, 8, 6, 7])
    assert torch.allclose(shuffled, together[[4, 0, 3, 1, 2]], atol=1e-5)
    for i in range(5):
        assert torch.allclose(made([5 + i])[0], together[i], atol=1e-5)
    assert together.dtype == torch.float32


@pytest.mark.parametrize("name", SAMPLERS)
def test_watching_sees_every_step_and_changes_nothing(name: str) -> None:
    seen: list[tuple[int, float]] = []
    clean: list[Tensor] = []

    def callback(step: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        assert x.shape == denoised.shape
        assert torch.allclose(gaussian()(x, x.new_full((len(x),), sigma)), denoised, atol=1e-6)
        seen.append((step, sigma))
        clean.append(denoised.clone())

    levels = levels_for(name, 6)
    watched = SAMPLERS[name](gaussian(), normal(4), levels, Pooled(4), callback)
    plain = SAMPLERS[name](gaussian(), normal(4), levels, Pooled(4))
    assert torch.equal(watched, plain)
    assert [step for step, _ in seen] == list(range(6))
    assert [sigma for _, sigma in seen] == pytest.approx(levels[:-1].tolist())
    assert torch.allclose(clean[-1], watched)  # the step to 0 ends at what was guessed


def raw(x: Tensor, sigma: float, data: float) -> Tensor:
    """The network output that diffusers' EDM schedulers expect for the same denoiser."""
    clean = gaussian()(x, x.new_full((len(x),), sigma))
    total = sigma**2 + data**2
    return (clean - data**2 / total * x) / (sigma * data / total**0.5)


@pytest.mark.parametrize(
    ("name", "more", "ours"),
    [
        ("EDMEulerScheduler", {}, ddim),
        ("EDMDPMSolverMultistepScheduler", {"solver_order": 2}, dpmpp_2m),
        ("EDMDPMSolverMultistepScheduler", {"solver_order": 3}, dpmpp_3m),
    ],
)
def test_equal_to_the_edm_schedulers_of_diffusers(
    name: str, more: dict[str, int], ours: Callable[..., Tensor]
) -> None:
    scheduler = getattr(pytest.importorskip("diffusers"), name)(sigma_data=0.5, **more)
    scheduler.set_timesteps(18)
    x, path = normal(6) * 80.0, []
    for t, sigma in zip(scheduler.timesteps, scheduler.sigmas[:-1].double().tolist(), strict=True):
        scheduler.scale_model_input(x, t)
        path.append(x)
        x = scheduler.step(raw(x, sigma, 0.5), t, x).prev_sample.double()
    seen: list[Tensor] = []
    end = ours(gaussian(), normal(6), sigmas(18), Streams([]), lambda i, s, x, d: seen.append(x))
    for their, mine in zip(path, seen, strict=True):
        assert torch.allclose(mine, their, rtol=1e-4, atol=1e-4)
    assert torch.allclose(end, x, atol=1e-4)


def test_heun_is_equal_to_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.HeunDiscreteScheduler(
        beta_start=1e-4, beta_end=0.02, prediction_type="sample", use_karras_sigmas=True
    )
    scheduler.set_timesteps(18)
    levels = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1::2]]).double()  # each is listed twice
    x = normal(6) * levels[0]
    for t, sigma in zip(scheduler.timesteps, scheduler.sigmas[:-1].double().tolist(), strict=True):
        scheduler.scale_model_input(x, t)
        x = scheduler.step(gaussian()(x, x.new_full((6,), sigma)), t, x).prev_sample
    assert levels[-1] == 0
    assert torch.allclose(heun(gaussian(), normal(6), levels, Streams([])), x, atol=1e-4)


def test_ancestral_is_equal_to_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.EulerAncestralDiscreteScheduler(
        beta_start=1e-4, beta_end=0.02, prediction_type="v_prediction"
    )
    scheduler.set_timesteps(30)
    levels = scheduler.sigmas.double()
    x, generator = normal(6) * levels[0], torch.Generator().manual_seed(0)
    for t, sigma in zip(scheduler.timesteps, levels[:-1].tolist(), strict=True):
        scheduler.scale_model_input(x, t)
        clean = gaussian()(x, x.new_full((6,), sigma))
        velocity = (x / (sigma**2 + 1) - clean) * (sigma**2 + 1) ** 0.5 / sigma
        x = scheduler.step(velocity, t, x, generator=generator).prev_sample
    pooled = Pooled(6, seed=0)
    assert torch.allclose(ancestral(gaussian(), normal(6), levels, pooled), x, rtol=1e-3, atol=1e-3)
