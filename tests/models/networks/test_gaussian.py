"""Gaussians of species: shrinkage by hand, draws and densities that agree, components that rebuild."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from finback import models
from finback.features.spec import FeatureSpec
from finback.models.networks.gaussian import Gaussian, SpeciesGaussians, principal

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=10, n_frames=14)


def points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 3))).float()


def covariance(gaussians: SpeciesGaussians, k: int) -> np.ndarray:
    factor = gaussians.factors[k].double()
    return (factor @ factor.T).numpy()


def test_shrinkage_by_hand() -> None:
    x, y = points(9), torch.tensor([0] * 6 + [1] * 3)
    x[:6] *= 3.0
    gaussians = SpeciesGaussians(2, 3, shrinkage=4.0)
    gaussians.fit(x, y)
    own = [np.cov(x[y == k].double().numpy().T, bias=True) for k in (0, 1)]
    pooled = (6 * own[0] + 3 * own[1]) / 9
    np.testing.assert_allclose(covariance(gaussians, 0), (6 * own[0] + 4 * pooled) / 10, atol=1e-5)
    np.testing.assert_allclose(covariance(gaussians, 1), (3 * own[1] + 4 * pooled) / 7, atol=1e-5)
    np.testing.assert_allclose(gaussians.centres[1], x[6:].mean(dim=0), atol=1e-6)


def test_a_species_without_clips_is_like_all() -> None:
    x = points(8)
    gaussians = SpeciesGaussians(3, 3, shrinkage=4.0)
    gaussians.fit(x, torch.tensor([0, 0, 0, 0, 2, 2, 2, 2]))
    np.testing.assert_allclose(gaussians.centres[1], x.mean(dim=0), atol=1e-6)
    np.testing.assert_allclose(covariance(gaussians, 1), np.cov(x.double().numpy().T, bias=True), atol=1e-5)


def test_uncertain_points_widen_the_gaussian() -> None:
    x, y = points(20), torch.zeros(20, dtype=torch.long)
    sure, unsure = SpeciesGaussians(1, 3, 0.0), SpeciesGaussians(1, 3, 0.0)
    sure.fit(x, y)
    unsure.fit(x, y, torch.full_like(x, 0.5))
    np.testing.assert_allclose(covariance(unsure, 0), covariance(sure, 0) + 0.5 * np.eye(3), atol=1e-5)


def test_draws_and_densities_are_of_the_same_gaussian() -> None:
    gaussians = SpeciesGaussians(2, 3, shrinkage=1.0)
    gaussians.fit(points(30) * torch.tensor([1.0, 2.0, 0.5]) + 4.0, torch.arange(30) % 2)
    noise = points(40_000, seed=3)
    drawn = gaussians.draw(noise, torch.ones(len(noise), dtype=torch.long))
    np.testing.assert_allclose(np.cov(drawn.double().numpy().T), covariance(gaussians, 1), atol=0.1)
    expected = multivariate_normal(gaussians.centres[1].numpy(), covariance(gaussians, 1)).logpdf(drawn[:5])
    np.testing.assert_allclose(gaussians.log_prob(drawn[:5])[:, 1], expected, atol=1e-3)


def test_unfitted_it_is_standard_normal() -> None:
    noise = points(4)
    assert torch.equal(SpeciesGaussians(2, 3, 1.0).draw(noise, torch.tensor([0, 1, 0, 1])), noise)


def test_principal_components_are_those_of_the_full_decomposition() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 40)) + 3.0
    mean, basis = principal(torch.from_numpy(x), 4)
    _, _, expected = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(mean, x.mean(axis=0))
    np.testing.assert_allclose(np.abs(basis.numpy() @ expected[:4].T), np.eye(4), atol=1e-6)


def test_fewer_clips_than_components() -> None:
    x = torch.randn(5, 30, generator=torch.Generator().manual_seed(0))
    mean, basis = principal(x, 9)
    assert basis.shape == (9, 30)
    assert torch.equal(basis[4:], torch.zeros(5, 30))
    torch.testing.assert_close(mean + (x - mean) @ basis.T @ basis, x, atol=1e-4, rtol=0)


def test_principal_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    principal(torch.arange(12.0).reshape(4, 3), 2)
    assert torch.equal(torch.rand(3), expected)


@pytest.fixture
def fitted() -> tuple[Gaussian, torch.Tensor, torch.Tensor]:
    """Two species: one rises in frequency over time, one does not; grain on both."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 1, 10, 14, generator=generator) * 2 - 60
    x[y == 1] += torch.eye(10, 14) * 30
    model = models.create("gaussian", SPEC, 2, n_components=6)
    model.scale.fit(x, y)
    model.fit(x, y)
    return model, x, y


def test_samples_look_like_their_species(fitted: tuple[Gaussian, torch.Tensor, torch.Tensor]) -> None:
    model, x, y = fitted
    noise = torch.randn(400, *model.noise_shape, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(400) % 2
    made = model.scale.to_db(model.decode(noise, labels), labels, torch.zeros(400))
    for k in (0, 1):
        torch.testing.assert_close(made[labels == k].mean(dim=0), x[y == k].mean(dim=0), atol=1.5, rtol=0)
    spread = made[labels == 0].std(dim=0).mean() / x[y == 0].std(dim=0).mean()
    assert 0.8 < spread < 1.2, "the residual's grain is part of a sample"


def test_it_is_the_same_after_a_round_trip(fitted: tuple[Gaussian, torch.Tensor, torch.Tensor]) -> None:
    model, _, _ = fitted
    again = models.create("gaussian", SPEC, 2, n_components=6)
    again.load_state_dict(model.state_dict())
    noise = torch.randn(2, *model.noise_shape)
    assert torch.equal(again.decode(noise, torch.tensor([0, 1])), model.decode(noise, torch.tensor([0, 1])))


def test_fitted_values_are_counted_as_parameters() -> None:
    model = models.create("gaussian", SPEC, 2, n_components=6)
    n_values, n_bands = 10 * 14, 10
    gaussians = 2 * 6 + 2 * 6 * 6  # centres and factors
    scale = n_bands + 1 + 2 * 2
    assert model.n_parameters == n_values + 6 * n_values + n_bands + gaussians + scale
