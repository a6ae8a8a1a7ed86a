"""The gate as a network: the numbers of its fit, beside a head whose logits stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import inputs, leaf, make

from finback.core.types import softmax
from finback.metrics.gate import GateFit
from finback.models.networks.gate import Gate, GatedHead
from finback.models.tree import Leaf, gated
from finback.training.gate import as_network


def some_fit(n_features: int) -> GateFit:
    rng = np.random.default_rng(4)
    classes = np.array([True, False, True, False])
    return GateFit(
        rng.normal(size=n_features),
        rng.normal(size=(4, n_features)),
        rng.normal(size=4),
        classes,
        rng.normal(size=n_features),
        np.array([0.4, 0.2, -0.3]),
    )


def with_gate(name: str) -> Leaf:
    own = leaf(name)
    n_features = own.model.embed(inputs(own.model)).shape[1]
    own.model.add_module("head", GatedHead(own.model.head, as_network(some_fit(n_features))))
    return own


def test_the_network_is_the_fit() -> None:
    fitted = some_fit(9)
    z = np.random.default_rng(0).normal(size=(20, 9))
    odds = as_network(fitted)(torch.from_numpy(z.astype(np.float32))).numpy()
    np.testing.assert_allclose(odds, fitted.odds(z), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn2d", "cnn1d", "mfcc-plda", "birdnet-mix"])
@torch.inference_mode()
def test_a_gate_changes_no_logit_of_a_species(name: str) -> None:
    plain, own = make(name).eval(), with_gate(name)
    x = inputs(plain)
    outputs = own.model(x)
    assert torch.equal(outputs[:, :-1], plain(x))
    p = softmax(gated(own, {own: outputs.numpy()}))
    known = 1 / (1 + np.exp(-outputs[:, -1].double().numpy()))
    np.testing.assert_allclose(1 - p[:, -1], known, atol=1e-6)
    alone = softmax(plain(x).numpy() / own.temperature)
    np.testing.assert_allclose(p[:, :-1] / known[:, None], alone, atol=1e-5)


def test_a_gate_that_is_not_whole_is_refused() -> None:
    with pytest.raises(TypeError, match="centre, weight"):
        Gate(centre=torch.zeros(3), weight=torch.zeros(2, 3))
