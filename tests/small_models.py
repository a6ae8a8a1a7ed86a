"""A small model of every classifier family, and inputs for it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from finback import models
from finback.core.settings import load_family
from finback.features.spec import ONE_SPEED, FeatureSpec
from finback.models.networks.classifier import Classifier
from finback.models.tree import Leaf

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=48)

K = 5

N_FEATURES = {
    **{"mfcc": 80, "birdnet": 1024, "aisfx": 512, "onnx": 7, "yamnet": 24},
    **{"beats": 768, "cnn14": 2048, "perch2": 1536},
}

# A network that others trained takes only windows of its own; all other families take those of SPEC.
OWN_WINDOW = {"aisfx-tuned", "yamnet-tuned"}


def spec_of(name: str) -> FeatureSpec:
    wanted = load_family(name)["fixed"]["features"] if name in OWN_WINDOW else {}
    return FeatureSpec.model_validate({**SPEC.model_dump(), **wanted})


def make(name: str, seed: int = 0, playback: tuple[float, ...] = ONE_SPEED) -> Classifier:
    """A new model; one with a fitted head has it fitted."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = models.create(name, spec_of(name).model_copy(update={"playback": playback}), K)
    if model.stages == ("fit",):
        x = inputs(model, 40, seed + 10).numpy()
        y = torch.arange(40).numpy() % K
        x[:, 0] += 3 * y  # something to learn
        cast(Any, model).fit(x, y, torch.ones(40).numpy())
    return model


def inputs(model: Classifier, n: int = 0, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    n = n or (3 if model.spec.clip_samples > 50_000 else 8)
    if model.input == "wave":
        return torch.randn(n, model.spec.clip_samples, generator=generator) * 0.1
    if model.input == "logmel":
        return torch.randn(n, 1, model.spec.n_mels, model.spec.n_frames, generator=generator) * 10 - 50
    return torch.randn(n, N_FEATURES[model.input] * len(model.spec.playback), generator=generator)


def leaf(name: str, temperature: float = 1.3, playback: tuple[float, ...] = ONE_SPEED) -> Leaf:
    model = make(name, playback=playback)
    return Leaf(model.eval(), temperature, model.spec)


def some_waves(n: int, n_samples: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    t = np.arange(n_samples) / n_samples
    calls = [np.sin(2 * np.pi * n_samples * (0.01 + 0.02 * i) * t * (1 + t)) for i in range(n)]
    return (0.3 * np.array(calls) + rng.normal(0, 0.05, (n, n_samples))).astype(np.float32)
