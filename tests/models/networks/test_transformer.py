"""The transformer: places, and tokens that see each other."""

from __future__ import annotations

import pytest
import torch

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import positions
from finback.models.networks.transformer import Transformer

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=48)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_positions_follow_the_paper() -> None:
    """Vaswani et al. 2017, section 3.5, worked by hand for D = 4: rates 1 and 1/100."""
    table = positions(3, 4)
    expected = [0.909297, -0.416147, 0.019999, 0.999800]  # sin 2, cos 2, sin 0.02, cos 0.02
    assert table[2].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("n_features", [5, 6, 96])
def test_every_place_is_told_apart(n_features: int) -> None:
    table = positions(200, n_features)
    assert table.shape == (200, n_features)
    apart = torch.cdist(table, table) + torch.eye(200) * 9
    assert apart.min() > 1e-3


def test_order_in_time_matters() -> None:
    """Attention and pooling alone see a bag of tokens; only their places tell an order."""
    model = Transformer(SPEC, 3, layers=1).eval()
    tokens = torch.randn(2, 12, model.encoder.layers[0].linear1.in_features)  # type: ignore[union-attr]
    model.stem = torch.nn.Identity()  # type: ignore[assignment]
    model.standardise = torch.nn.Identity()  # type: ignore[assignment]
    shuffled = tokens[:, torch.randperm(12)]
    assert not torch.allclose(model(tokens), model(shuffled), atol=1e-3)
    bag = model.pool(model.encoder(tokens))
    assert torch.allclose(bag, model.pool(model.encoder(shuffled)), atol=1e-5)


def test_every_token_sees_every_other() -> None:
    model = Transformer(SPEC, 3, layers=1).eval()
    tokens = torch.randn(1, 12, model.encoder.layers[0].linear1.in_features)  # type: ignore[union-attr]
    changed = tokens.clone()
    changed[:, -1] = torch.randn_like(changed[:, -1])
    difference = (model.encoder(tokens) - model.encoder(changed)).abs().amax(dim=-1)[0]
    assert (difference > 1e-6).all()


def test_dropout_of_zero_is_taken_everywhere() -> None:
    model = Transformer(SPEC, 3, dropout=0.0).train()
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    x = torch.randn(2, 1, 32, 48) * 10
    assert torch.equal(model(x), model(x))
