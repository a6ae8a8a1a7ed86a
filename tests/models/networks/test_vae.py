"""The VAE: shapes for any spectrogram, initial components, the species as input, samples close to clips."""

from __future__ import annotations

import pytest
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models.networks.vae import VAE

K = 3


def spec(n_mels: int = 20, n_frames: int = 26) -> FeatureSpec:
    return FeatureSpec(
        sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=n_mels, n_frames=n_frames
    )


def make(of: FeatureSpec | None = None, **chosen: float | str) -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: VAE = models.create("vae", of or spec(), K, **{"width": 4, "latent": 5, **chosen})
    return made.eval()


def pictures(n: int = 12, m: int = 20, f: int = 26) -> torch.Tensor:
    """A bump that wanders in time and frequency, in dB, with grain."""
    generator = torch.Generator().manual_seed(0)
    at = torch.rand(n, 2, 1, 1, generator=generator)
    bands, frames = torch.linspace(0, 1, m)[:, None], torch.linspace(0, 1, f)
    bump = torch.exp(-((bands - at[:, 0]) ** 2 + (frames - at[:, 1]) ** 2) / 0.05)
    return (40 * bump + torch.randn(n, m, f, generator=generator) - 60)[:, None]


def started(**chosen: str) -> tuple[VAE, torch.Tensor, torch.Tensor]:
    model, x, y = make(**chosen), pictures(), torch.arange(12) % K
    model.scale.fit(x, y)
    model.start(x)
    return model, x, y


@pytest.mark.parametrize(("n_mels", "n_frames"), [(96, 112), (20, 26), (4, 2), (17, 33)])
def test_any_size_of_spectrogram(n_mels: int, n_frames: int) -> None:
    model = make(spec(n_mels, n_frames))
    x, y = torch.randn(2, 1, n_mels, n_frames), torch.tensor([0, 2])
    painted, mean, log_variance = model(x, y, torch.randn(2, 5))
    assert painted.shape == x.shape
    assert mean.shape == log_variance.shape == (2, 5)
    assert model.decode(torch.randn(2, *model.noise_shape), y).shape == x.shape


def test_the_default_has_64_latents_and_weights_that_can_be_shipped() -> None:
    model = models.create("vae", FeatureSpec(), 17)
    assert model.noise_shape == (64,)
    assert sum(t.numel() * t.element_size() for t in model.state_dict().values()) < 12e6


def test_every_parameter_gets_a_gradient() -> None:
    model, x, y = started(condition="species")
    painted, mean, log_variance = model(model.scale.to_units(x), y, torch.randn(12, 5))
    (painted.square().sum() + mean.square().sum() + log_variance.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_it_starts_as_principal_components() -> None:
    model, x, y = started()
    units = model.scale.to_units(x)
    mean, log_variance = model.encode(units)
    again = model.decode_latents(mean, model.one_hot(y))
    flat = (units - units.mean(dim=0)).flatten(1)
    _, values, rows = torch.linalg.svd(flat, full_matrices=False)
    best = flat @ rows[:5].T @ rows[:5]
    noise = values[5:].square().sum() / flat.numel()
    error, least = (again - units).square().mean(), (best - flat).square().mean()
    assert error < 1.1 * least
    expected = noise / (values[:5].square() / 12 + noise)  # of probabilistic PCA
    expected = expected.log().clamp_min(-8.0)
    torch.testing.assert_close(log_variance.mean(dim=0), expected, atol=0.1, rtol=0)


def test_no_clip_depends_on_its_neighbours_in_training_either() -> None:
    model, x, y = started()
    model.train()
    noise = torch.randn(12, 5)
    together = model(x, y, noise)[0]
    torch.testing.assert_close(model(x[3:4], y[3:4], noise[3:4])[0], together[3:4], atol=1e-4, rtol=1e-4)


def test_level_does_not_matter() -> None:
    model, x, _ = started()
    units = [model.scale.to_units(a) for a in (x, x + 12.0)]
    torch.testing.assert_close(model.encode(units[0])[0], model.encode(units[1])[0], atol=1e-3, rtol=0)


def test_species_is_told_to_the_decoder_unless_it_is_not() -> None:
    latents, y = torch.zeros(2, 5), torch.tensor([0, 1])
    for condition, differ in (("species", True), ("none", False)):
        model = make(condition=condition)
        with torch.no_grad():
            if model.species.weight.requires_grad:
                model.species.weight.normal_()
            one, two = model.decode_latents(latents, model.one_hot(y))
        assert bool((one - two).abs().max() > 1e-5) == differ


def test_settled_samples_lie_where_the_clips_lie() -> None:
    model, x, y = started()
    units = model.scale.to_units(x)
    model.fit_gaussians(x, y)
    with torch.no_grad():
        mean, _ = model.encode(units)
        drawn = model.gaussians.draw(torch.randn(4000, 5), torch.full((4000,), 1))
    torch.testing.assert_close(drawn.mean(dim=0), mean[y == 1].mean(dim=0), atol=0.1, rtol=0)
    assert not torch.allclose(model.gaussians.centres[0], model.gaussians.centres[1], atol=0.05)


def test_unknown_condition_is_named() -> None:
    with pytest.raises(SettingsError, match="tape"):
        make(condition="tape")
