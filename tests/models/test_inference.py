"""Networks made ready to answer give the same logits to rounding, and their gradients still go through."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import inputs, make
from torch import nn

from finback import models
from finback.models.inference import FastStandardise, for_inference
from finback.models.networks.blocks import SMALLEST_DEVIATION, Standardise
from finback.models.scoring import in_rows, rows_of


@pytest.mark.parametrize("name", sorted(set(models.CLASSIFIERS) - {"aisfx-tuned"}))
def test_the_logits_are_those_of_the_trained_network(name: str) -> None:
    model = make(name)
    for module in model.modules():  # statistics of training, not 0 and 1
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
    model.eval()
    changed = for_inference(copy.deepcopy(model))
    x = inputs(model, 9)
    with torch.inference_mode():
        for output, other in ((model, changed), (model.embed, changed.embed)):
            expected = output(x)
            assert torch.allclose(other(x), expected, atol=3e-6 * float(expected.abs().max()))
        rows = [in_rows(changed, x[i : i + 1], rows_of(changed)) for i in range(9)]
        assert torch.equal(torch.cat(rows), in_rows(changed, x, rows_of(changed)))
    assert not [m for m in changed.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert not [m for m in changed.modules() if type(m) is Standardise]


def test_a_silent_clip_stays_zero_and_gradients_go_through() -> None:
    x = torch.randn(3, 1, 5, 7)
    x[1] = -100.0
    x.requires_grad_(True)
    z = FastStandardise(SMALLEST_DEVIATION["db"])(x)
    assert torch.allclose(z, Standardise()(x), atol=1e-6)
    assert not z[1].any()
    z[0].sum().backward()
    assert torch.isfinite(x.grad).all()
