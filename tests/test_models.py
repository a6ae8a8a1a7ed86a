"""The contract that every classifier family keeps, over the whole registry."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from finback import models
from finback.errors import RunError, SettingsError
from finback.features.spec import FeatureSpec
from finback.models.classifier import Classifier
from finback.training.checkpoint import load_weights, save_tensors

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=48)
K = 5


def make(name: str, seed: int = 0) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return models.create(name, SPEC, K)


def inputs(model: Classifier, n: int = 8, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if model.input == "wave":
        return torch.randn(n, SPEC.clip_samples, generator=generator) * 0.1
    return torch.randn(n, 1, SPEC.n_mels, SPEC.n_frames, generator=generator) * 10 - 50


@pytest.fixture(params=sorted(models.CLASSIFIERS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_shapes(name: str) -> None:
    model = make(name).eval()
    x = inputs(model)
    embedding = model.embed(x)
    assert model(x).shape == (8, K)
    assert embedding.shape[0] == 8
    assert embedding.ndim == 2
    assert torch.allclose(model(x), model.head(embedding))


def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = make(name).train()
    torch.manual_seed(0)
    torch.nn.functional.cross_entropy(model(inputs(model)), torch.arange(8) % K).backward()
    for label, parameter in model.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label
        assert parameter.grad.abs().sum() > 0, label


def test_no_clip_depends_on_its_neighbours(name: str) -> None:
    model = make(name).eval()
    x = inputs(model)
    with torch.inference_mode():
        alone = torch.cat([model(one[None]) for one in x])
        assert torch.allclose(model(x), alone, atol=1e-4)


def test_same_seed_same_weights_and_same_output(name: str) -> None:
    one, two = make(name, 3).eval(), make(name, 3).eval()
    x = inputs(one)
    assert torch.equal(one(x), two(x))
    assert not torch.equal(one(x), make(name, 4).eval()(x))


def test_round_trip_through_a_file(name: str, tmp_path: Path) -> None:
    model = make(name).eval()
    save_tensors(tmp_path / "w.safetensors", model.state_dict(), {})
    other = make(name, 9).eval()
    load_weights(other, tmp_path / "w.safetensors")
    assert torch.equal(model(inputs(model)), other(inputs(model)))


def test_one_step_lowers_the_loss(name: str) -> None:
    model = make(name)
    x, y = inputs(model), torch.arange(8) % K
    model.eval()
    before = torch.nn.functional.cross_entropy(model(x), y)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    before.backward()
    optimizer.step()
    assert torch.nn.functional.cross_entropy(model(x), y) < before


def test_silence_is_answered(name: str) -> None:
    model = make(name).eval()
    silent = (
        torch.zeros_like(inputs(model, 2))
        if model.input == "wave"
        else torch.full_like(inputs(model, 2), -100.0)
    )
    assert torch.isfinite(model(silent)).all()


def test_level_does_not_matter(name: str) -> None:
    """A tape's gain shifts its log-mel by a constant; no family may see it."""
    model = make(name).eval()
    x = inputs(model)
    louder = x * 2 if model.input == "wave" else x + 6.02
    assert torch.allclose(model(x), model(louder), atol=1e-2)


def test_unknown_hyperparameter_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="widht"):
        models.create(name, SPEC, K, widht=3)


def test_wrong_type_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=r"model\.dropout"):
        models.create(name, SPEC, K, dropout="much")


def test_unknown_family_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="cnn2d"):
        models.family("resnet")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w.safetensors", make("dnn").state_dict(), {})
    with pytest.raises(RunError, match="not the weights"):
        load_weights(make("cnn2d"), tmp_path / "w.safetensors")
