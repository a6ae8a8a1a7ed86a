"""The contract that every classifier family keeps, over the whole registry."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_models import K, inputs, make, spec_of

from finback import models
from finback.core.errors import RunError, SettingsError
from finback.models.weights import load_weights, save_tensors


def targets(x: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(x)) % K


@pytest.fixture(params=sorted(models.CLASSIFIERS))
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "aisfx-tuned":
        from finback.features.backbones.aisfx import load_weights as weights_of_the_wheel

        try:
            weights_of_the_wheel()
        except SettingsError as error:
            pytest.skip(str(error))
    return request.param


@pytest.fixture
def descended(name: str) -> str:
    """A family that learns by gradient."""
    if "classify" not in models.family(name).stages:
        pytest.skip(f"{name} is fitted, not descended")
    return name


def test_shapes(name: str) -> None:
    model = make(name).eval()
    x = inputs(model)
    embedding = model.embed(x)
    assert model(x).shape == (len(x), K)
    assert embedding.shape[0] == len(x)
    assert embedding.ndim == 2
    assert torch.allclose(model(x), model.head(embedding), atol=1e-5)
    assert model.n_parameters > 0


def test_every_parameter_gets_a_gradient(descended: str) -> None:
    model = make(descended).train()
    torch.manual_seed(0)
    x = inputs(model)
    torch.nn.functional.cross_entropy(model(x), targets(x)).backward()
    learns = [(label, p) for label, p in model.named_parameters() if p.requires_grad]
    assert learns
    for label, parameter in learns:
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
    for other in (make(name, 9), models.create(name, spec_of(name), K)):
        load_weights(other.eval(), tmp_path / "w.safetensors")
        assert torch.equal(model(inputs(model)), other(inputs(model)))


def test_one_step_lowers_the_loss(descended: str) -> None:
    model = make(descended)
    x = inputs(model)
    model.eval()
    before = torch.nn.functional.cross_entropy(model(x), targets(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    before.backward()
    optimizer.step()
    assert torch.nn.functional.cross_entropy(model(x), targets(x)) < before


def test_silence_is_answered(name: str) -> None:
    model = make(name).eval()
    x = inputs(model, 2)
    silent = torch.full_like(x, -100.0) if model.input == "logmel" else torch.zeros_like(x)
    assert torch.isfinite(model(silent)).all()


def test_level_does_not_matter(name: str) -> None:
    """A tape's gain shifts its log-mel by a constant; no family may see it."""
    model = make(name).eval()
    if model.input not in ("wave", "logmel"):
        pytest.skip("the level of the waves before a backbone is a setting of the features")
    x = inputs(model)
    louder = x * 2 if model.input == "wave" else x + 6.02
    assert torch.allclose(model(x), model(louder), atol=1e-2)


def test_unknown_hyperparameter_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="widht"):
        models.create(name, spec_of(name), K, widht=3)


@pytest.mark.parametrize("any_family", models.FAMILIES)
def test_the_table_of_settings_is_that_of_the_class(any_family: str) -> None:
    """If a setting or its default changes, change the line of its family in models/hyperparameters.json."""
    stored, stated = models._stored()[any_family], models.stated(any_family)
    assert stored == stated
    assert [type(value) for value in stored.values()] == [type(value) for value in stated.values()]


def test_wrong_type_is_named(name: str) -> None:
    number = next(key for key, value in models.hyperparameters(name).items() if not isinstance(value, str))
    with pytest.raises(SettingsError, match=rf"model\.{number}"):
        models.create(name, spec_of(name), K, **{number: "much"})


def test_every_preset_of_a_family_fits_every_named_preset(name: str) -> None:
    from finback.core.settings import presets
    from finback.training.settings import resolve

    for preset in presets():
        assert resolve(preset, family=name).features.clip_samples > 0


def test_families_with_a_licence_are_listed() -> None:
    licensed = {name for name in models.CLASSIFIERS if models.family(name).licence}
    assert licensed == models.PRETRAINED


def test_unknown_family_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="cnn2d"):
        models.family("resnet")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w.safetensors", make("dnn").state_dict(), {})
    with pytest.raises(RunError, match="not the weights"):
        load_weights(make("cnn2d"), tmp_path / "w.safetensors")
