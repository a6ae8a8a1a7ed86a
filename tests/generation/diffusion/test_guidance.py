"""Guidance: exact where the truth is known, no wasted forward passes, the interval kept."""

from __future__ import annotations

import pytest
import torch
from analytic import MEAN, SPREAD, Counted, gaussian
from torch import Tensor

from finback.core.errors import SettingsError
from finback.generation.diffusion.guidance import (
    classifier_free,
    classifier_guided,
    independent,
    stronger,
    unguided,
)
from finback.generation.diffusion.samplers import heun, sigmas
from finback.generation.diffusion.seeds import Streams

NULL = 3


class Network:
    """Answers with the label, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        assert len(x) == len(sigma) == len(labels)
        self.asked.append(labels.tolist())
        return labels.to(x.dtype)[:, None].expand_as(x) + x * 0


def test_weights_inside_and_outside_the_interval() -> None:
    network, labels, x = Network(), torch.tensor([0, 1, 2]), torch.zeros(3, 2)
    guided = classifier_free(network, labels, NULL, 2.0, (0.5, 4.0))
    inside = guided(x, torch.full((3,), 4.0))  # the upper end belongs to it
    assert network.asked == [[0, 1, 2, 3, 3, 3]]  # one batch of twice the size
    assert inside[:, 0].tolist() == [-3, -1, 1]  # 3 + 2 (label - 3)
    for sigma in (0.5, 4.001):
        network.asked.clear()
        outside = guided(x, torch.full((3,), sigma))
        assert network.asked == [[0, 1, 2]]
        assert outside[:, 0].tolist() == [0, 1, 2]


def test_a_batch_of_mixed_noise_levels() -> None:
    network = Network()
    guided = classifier_free(network, torch.tensor([0, 1, 2]), NULL, 2.0, (0.5, 4.0))
    answer = guided(torch.zeros(3, 2), torch.tensor([10.0, 1.0, 0.1]))
    assert network.asked == [[0, 1, 2, 3]]
    assert answer[:, 0].tolist() == [0, -1, 2]


def test_both_answers_are_about_the_same_sample() -> None:
    x = torch.tensor([[1.0], [10.0]])
    guided = classifier_free(lambda x, s, y: x * s[:, None] * y[:, None], torch.tensor([1, 2]), NULL, 2.0)
    assert guided(x, torch.tensor([1.0, 2.0])).flatten().tolist() == [-1, 20]  # x sigma (3 + 2 (label - 3))


def test_weight_one_asks_once_and_weight_nought_forgets_the_label() -> None:
    network, labels, x, sigma = Network(), torch.tensor([0, 2]), torch.zeros(2, 2), torch.ones(2)
    assert classifier_free(network, labels, NULL, 1.0)(x, sigma)[:, 0].tolist() == [0, 2]
    assert unguided(network, labels)(x, sigma)[:, 0].tolist() == [0, 2]
    assert network.asked == [[0, 2], [0, 2]]
    assert classifier_free(network, labels, NULL, 0.0)(x, sigma)[:, 0].tolist() == [3, 3]


@pytest.mark.parametrize(("weight", "interval"), [(-1, (0, 1)), (2, (1, 1)), (2, (3, 1)), (2, (-1, 1))])
def test_nonsense_is_refused(weight: float, interval: tuple[float, float]) -> None:
    with pytest.raises(SettingsError):
        classifier_free(Network(), torch.tensor([0]), NULL, weight, interval)


def test_classifier_guidance_is_exact_for_normal_data_and_a_linear_log_probability() -> None:
    """p(x) normal with deviation d, log p(y | x) = a·x: the posterior is the same normal, moved by d² a."""
    d, a = 0.8, torch.tensor([0.5, -1.0], dtype=torch.float64)
    data = gaussian(MEAN, d**2 * torch.eye(2, dtype=torch.float64))
    noise = torch.randn((4000, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    guided = classifier_guided(data, lambda x: x @ a, scale=2.0, spread=independent(d))
    x = heun(guided, noise, sigmas(40), Streams([]))
    assert (x.mean(dim=0) - (MEAN + 2.0 * d**2 * a)).abs().max() < 0.05
    assert (x.std(dim=0) - d).abs().max() < 0.03


def test_with_the_covariance_of_the_data_classifier_guidance_is_exact_and_strong() -> None:
    """Correlated values: the posterior moves by C a, along the axis in which the data vary."""
    a = torch.tensor([0.5, 0.5], dtype=torch.float64)
    wide = torch.tensor([[30.0, 29.0], [29.0, 30.0]], dtype=torch.float64)
    data = gaussian(MEAN, wide)

    def spread(vector: Tensor, sigma: Tensor) -> Tensor:
        identity = torch.eye(2, dtype=torch.float64)
        inverse = torch.linalg.inv(wide + sigma[0] ** 2 * identity)
        return sigma[0] ** 2 * vector @ (wide @ inverse)

    noise = torch.randn((2000, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    known, plain = (
        heun(classifier_guided(data, lambda x: x @ a, 1.0, how), noise, sigmas(40), Streams([])).mean(dim=0)
        for how in (spread, None)
    )
    away = heun(data, noise, sigmas(40), Streams([])).mean(dim=0)
    assert (known - away - wide @ a).abs().max() < 3  # of 30: noise of level 80 is not infinite
    assert (plain - away).abs().max() < 5, "without the covariance samples hardly move"


def test_a_weaker_denoiser_is_asked_within_the_interval_only() -> None:
    asked = []

    def weaker(x: Tensor, sigma: Tensor) -> Tensor:
        asked.append(float(sigma[0]))
        return x * 0

    guided = stronger(lambda x, sigma: x * 0 + 1, weaker, 3.0, (0.5, 4.0))
    found = [float(guided(torch.zeros(2, 1), torch.full((2,), s))[0, 0]) for s in (0.5, 1.0, 4.0, 5.0)]
    assert found == [1, 3, 3, 1]
    assert asked == [1.0, 4.0]
    with pytest.raises(SettingsError, match="guidance interval"):
        stronger(weaker, weaker, 2.0, (1, 1))


def test_classifier_guidance_needs_no_gradient_through_the_network() -> None:
    counted = Counted(gaussian(MEAN, SPREAD))
    x = torch.zeros((3, 2), dtype=torch.float64)
    towards = classifier_guided(counted, lambda x: -(x**2).sum(dim=1) / 2, scale=1.0)
    with torch.no_grad():
        plain, moved = counted(x, torch.ones(3)), towards(x, torch.ones(3))
    assert counted.calls == 2
    assert not moved.requires_grad
    assert torch.allclose(moved, plain * (1 - 0.5))  # 1 * 1 / (1 + 1) of the gradient, -plain


def test_classifier_guidance_of_scale_nought_is_none() -> None:
    data = gaussian()
    assert classifier_guided(data, lambda x: x.sum(dim=1), scale=0.0) is data
