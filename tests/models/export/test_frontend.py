"""Features inside a graph: the same numbers as those that models were trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.features.backbones.mfcc import Mfcc
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.models.export.frontend import LogMelGraph, MelPower, MfccGraph, factors


def waves(spec: FeatureSpec) -> torch.Tensor:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, (2, spec.clip_samples)).astype(np.float32)
    t = np.arange(spec.clip_samples) / spec.clip_samples
    sweep = 0.5 * np.sin(2 * np.pi * spec.clip_samples * (0.02 * t + 0.1 * t**2)).astype(np.float32)
    return torch.from_numpy(noise + np.stack([sweep, np.zeros_like(sweep)]))


@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec(),
        FeatureSpec(n_fft=1000, hop=300, n_frames=50),  # hops that do not divide, not a power of two
        FeatureSpec(n_fft=255, hop=85, n_mels=20, top_db=None),  # odd
        FeatureSpec(n_fft=257, hop=100, n_mels=20, scale="pcen"),  # a prime
        FeatureSpec(clip_samples=3000, n_frames=20),  # frames reach past the window's end
        FeatureSpec(f_min=200.0, f_max=4000.0, n_mels=40),
    ],
    ids=["default", "1000", "odd", "prime pcen", "short", "band"],
)
def test_log_mels_are_those_of_the_features(spec: FeatureSpec) -> None:
    x = waves(spec)
    with torch.inference_mode():
        there, here = LogMel(spec)(x), LogMelGraph(spec)(x)
    assert here.shape == there.shape
    torch.testing.assert_close(here, there, atol=2e-3 if spec.scale == "db" else 1e-2, rtol=1e-3)


def test_power_is_that_of_a_double_precision_transform() -> None:
    spec = FeatureSpec()
    logmel = LogMel(spec)
    exact = LogMel(spec).double()
    with torch.inference_mode():
        power = MelPower(logmel)(waves(spec))
        truth = exact.mel_power(waves(spec).double(), spec.n_frames)
    torch.testing.assert_close(power.double(), truth, rtol=1e-4, atol=1e-9)


def test_mfccs_are_those_of_the_backbone() -> None:
    spec = FeatureSpec()
    x = waves(spec)
    np.testing.assert_allclose(MfccGraph(spec)(x).numpy(), Mfcc(spec)(x.numpy()), atol=2e-4)


@pytest.mark.parametrize(
    ("n", "expected"), [(2048, (64, 32)), (1000, (40, 25)), (257, (257, 1)), (16, (4, 4))]
)
def test_factors_multiply_and_lie_close(n: int, expected: tuple[int, int]) -> None:
    assert factors(n) == expected
