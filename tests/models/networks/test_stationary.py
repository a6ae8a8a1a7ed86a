"""The stationary Gaussian: moments of its samples are those of the clips, padding is left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from finback.features.spec import FeatureSpec
from finback.models.networks.stationary import StationaryGaussian

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=6, n_frames=40, top_db=None)


def process(n: int, seed: int = 0, period: float = 8.0) -> Tensor:
    """(n, 1, 6, 40) a slow beat common to bands 0 to 2, white noise in the others, a constant per clip."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, [[1.0]] * 3 + [[3.0]] * 3, (n, 6, 40)) + rng.normal(0, 2, (n, 6, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    x[:, :3] += 8 * np.cos(2 * np.pi * np.arange(40) / period + phase)
    return torch.from_numpy(x - 50)[:, None].float()


def fitted(x: Tensor, y: Tensor, n_classes: int = 1, frames: Tensor | None = None) -> StationaryGaussian:
    model = StationaryGaussian(SPEC, n_classes, shrinkage=0.0)
    model.scale.fit(x, y)
    model.fit(x, y, frames)
    return model


def samples(model: StationaryGaussian, n: int = 1000, k: int = 0) -> np.ndarray:
    """(n, 6, 40) in the units of the scale."""
    noise = torch.randn(n, *model.noise_shape, generator=torch.Generator().manual_seed(1))
    return model.decode(noise, torch.full((n,), k)).numpy()[:, 0]


def test_samples_have_the_moments_of_the_clips() -> None:
    x = process(400)
    model = fitted(x, torch.zeros(400, dtype=torch.long))
    real, made = model.scale.to_units(x).numpy()[:, 0], samples(model)
    np.testing.assert_allclose(made.mean(axis=(0, 2)), real.mean(axis=(0, 2)), atol=0.05)
    # Between clips, and within clips: each band, and the correlations between bands.
    covariance = np.cov(real.mean(axis=2).T)
    np.testing.assert_allclose(np.cov(made.mean(axis=2).T), covariance, atol=0.1 * covariance.max())
    within = [
        np.cov((v - v.mean(axis=2, keepdims=True)).transpose(1, 0, 2).reshape(6, -1)) for v in (real, made)
    ]
    np.testing.assert_allclose(within[1], within[0], atol=0.06 * within[0].max())


def test_samples_have_the_period_of_the_clips_at_any_phase() -> None:
    model = fitted(process(200), torch.zeros(200, dtype=torch.long))
    made = samples(model)
    power = np.square(np.abs(np.fft.rfft(made - made.mean(axis=2, keepdims=True), axis=2))).mean(axis=0)
    assert power[0].argmax() == 40 // 8
    assert power[0, 5] > 10 * np.median(power[0])
    assert power[4].max() < 3 * np.median(power[4])
    # Stationary: no frame differs from the others.
    variance = made.var(axis=0)
    assert variance.max(axis=1) / variance.min(axis=1) == pytest.approx(np.ones(6), abs=0.6)


def test_padding_is_left_out() -> None:
    x = process(300)
    short = x.clone()
    short[:, :, :, 20:] = short[:, :, :, :20]  # tiled
    labels = torch.zeros(300, dtype=torch.long)
    tiled, own = fitted(short, labels), fitted(short, labels, frames=torch.full((300,), 20))
    # A clip that is tiled once changes at even frequencies only; its first half changes at all.
    powers = [np.square(np.abs(np.fft.rfft(samples(m)[:, 4], axis=1))).mean(axis=0) for m in (tiled, own)]
    even, odd = np.arange(8, 20, 2), np.arange(7, 20, 2)
    ratios = [p[even].mean() / p[odd].mean() for p in powers]
    assert ratios[0] > 1.4
    assert ratios[1] == pytest.approx(1.0, abs=0.15)


def test_the_covariance_of_a_species_is_shrunk_towards_all() -> None:
    x = torch.cat([process(30), process(30, seed=1, period=4.0)])
    y = torch.tensor([0] * 30 + [1] * 30)
    powers = {}
    for m in (0.0, 1e6):
        model = StationaryGaussian(SPEC, 3, shrinkage=m)
        model.scale.fit(x, y)
        model.fit(x, y)
        powers[m] = np.square(np.abs(np.fft.rfft(samples(model)[:, 0], axis=1))).mean(axis=0)
    assert powers[0.0][5] > 20 * powers[0.0][10]  # the period of the other species is not in its samples
    assert powers[1e6][5] == pytest.approx(powers[1e6][10], rel=0.3)
    np.testing.assert_allclose(model.factors[2], model.factors[0], atol=1e-3)  # a species without clips


def test_a_batch_does_not_change_a_sample() -> None:
    model = fitted(process(20), torch.arange(20) % 2, n_classes=2)
    noise = torch.randn(3, *model.noise_shape)
    together = model.decode(noise, torch.tensor([0, 1, 1]))
    alone = model.decode(noise[2:], torch.tensor([1]))
    torch.testing.assert_close(together[2:], alone, atol=1e-5, rtol=1e-5)
