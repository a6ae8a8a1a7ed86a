"""Hyper-parameters out of bounds, and networks larger than the memory, are refused before they are built."""

from __future__ import annotations

import math

import pytest
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models import sizes

SPEC = FeatureSpec()
PAIRS = [
    (family, name)
    for family in models.FAMILIES
    for name, default in models.hyperparameters(family).items()
    if isinstance(default, int | float)
]


@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_every_hyperparameter_has_bounds(family: str, name: str) -> None:
    default = models.hyperparameters(family)[name]
    low, high = sizes.BOUNDS[name]
    assert low <= default <= high
    huge = 10**9 if isinstance(default, int) else 1e12
    for value in (huge, -huge, math.nan if isinstance(default, float) else 10**400):
        with pytest.raises(SettingsError, match=rf"model\.{name}"):
            models.create(family, SPEC, 3, **{name: value})


@pytest.mark.parametrize(
    ("family", "chosen"),
    [
        ("cnn2d", {"width": 16_384, "depth": 64}),
        ("cnn2d", {"width": 4096, "depth": 8}),
        ("dnn", {"hidden": 65_536, "embedding": 65_536}),
        ("lstm", {"hidden": 65_536}),
        ("transformer", {"dim": 16_384, "layers": 64}),
        ("vae", {"latent": 65_536, "width": 16_384}),
        ("diffusion", {"width": 48 * 341, "depth": 64}),
        ("gaussian", {"n_components": 65_536}),
    ],
)
def test_a_network_larger_than_the_memory_is_refused(
    family: str, chosen: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "computer_memory", lambda: 4 << 30)
    with pytest.raises(SettingsError, match=f"model {family}: (training it needs about|too large)"):
        models.create(family, SPEC, 3, **chosen)


def test_counting_a_network_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    direct = models.family("cnn2d")(SPEC, 3, width=65)
    torch.manual_seed(0)
    assert sizes.is_large({"width": 65}, models.hyperparameters("cnn2d"))
    counted = models.create("cnn2d", SPEC, 3, width=65)
    for name, tensor in direct.state_dict().items():
        assert torch.equal(tensor, counted.state_dict()[name]), name
