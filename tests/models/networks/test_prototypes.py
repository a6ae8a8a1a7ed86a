"""Imprinted rows: their mean output, their scale next to learned rows; the rest of the head stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from finback import models
from finback.features.spec import FeatureSpec
from finback.models.networks.heads import ABSENT as ABSENT_IN_HEAD
from finback.models.networks.heads import Logistic
from finback.models.networks.prototypes import ABSENT, imprinted

K, D = 6, 24
RARE = [1, 4]


def clouds(seed: int = 0, n: int = 40, n_rare: int = 2, shift: float = 3.0) -> tuple[Tensor, Tensor]:
    """Embeddings (N, D) of six classes around centres of their own, all far from 0; classes (N,)."""
    centres = np.random.default_rng(7).normal(0, 1, (K, D)) + shift
    y = np.repeat(np.arange(K), [n_rare if k in RARE else n for k in range(K)])
    z = centres[y] + np.random.default_rng(seed).normal(0, 0.7, (len(y), D))
    return torch.from_numpy(z).float(), torch.from_numpy(y)


def learned(z: Tensor, y: Tensor, scale: float = 4.0) -> tuple[Tensor, Tensor]:
    """A head as training would leave it: common rows towards their means, and some row for the rare."""
    common = [k for k in range(K) if k not in RARE]
    centre = torch.stack([z[y == k].mean(0) for k in common]).mean(0)
    weight = torch.full((K, D), 0.3)
    for k in common:
        weight[k] = scale * (z[y == k].mean(0) - centre) / D
    return weight, 1.0 - weight @ centre


def test_a_rare_class_is_recognised_and_the_common_ones_still_are() -> None:
    z, y = clouds()
    weight, bias = learned(z, y)
    weight[RARE], bias[RARE] = imprinted(z, y, weight, bias, RARE)
    new, truth = clouds(seed=1, n_rare=40)
    predicted = (new @ weight.T + bias).argmax(dim=1)
    right = [float((predicted[truth == k] == k).float().mean()) for k in range(K)]
    assert min(right) > 0.9


def test_the_scale_follows_the_learned_logits() -> None:
    """Doubled logits, or logits plus a constant, change the new rows in the same way."""
    z, y = clouds()
    weight, bias = learned(z, y)
    rows, biases = imprinted(z, y, weight, bias, RARE)
    twice, b_twice = imprinted(z, y, 2 * weight, 2 * bias, RARE)
    assert torch.allclose(twice, 2 * rows, atol=1e-4)
    assert torch.allclose(b_twice, 2 * biases, atol=1e-3)
    other = torch.randn(D, generator=torch.Generator().manual_seed(0))
    moved, b_moved = imprinted(z, y, weight + other, bias + 5, RARE)
    assert torch.allclose(moved, rows + other, atol=1e-4)
    assert torch.allclose(b_moved, biases + 5, atol=1e-3)


def test_the_line_is_the_best_through_the_common_classes() -> None:
    """No other slope or height would bring the logits of prototypes nearer to the learned ones."""
    z, y = clouds()
    weight, bias = learned(z, y)
    common = [k for k in range(K) if k not in RARE]
    z, y = z[torch.isin(y, torch.tensor(common))], y[torch.isin(y, torch.tensor(common))]
    mean = (z @ weight[common].T + bias[common]).mean(dim=1)
    prototype, trained = [], []
    for k in common:
        # The first rare class gets the clips of k: its row is the one that k itself would be given.
        copy_z, copy_y = torch.cat([z, z[y == k]]), torch.cat([y, torch.full((int((y == k).sum()),), 1)])
        row, b = imprinted(copy_z, copy_y, weight, bias, [1])
        prototype.append((z @ row[0] + b[0]) - mean)
        trained.append((z @ weight[k] + bias[k]) - mean)
    x, t = torch.cat(prototype), torch.cat(trained)
    assert float(x.mean()) == pytest.approx(float(t.mean()), abs=1e-3)
    slope = ((x - x.mean()) * (t - t.mean())).sum() / (x - x.mean()).square().sum()
    assert float(slope) == pytest.approx(1, abs=1e-3)


def test_a_common_class_counts_once_however_many_clips_it_has() -> None:
    z, y = clouds()
    weight, bias = learned(z, y)
    often = torch.cat([z, *[z[y == 0]] * 9]), torch.cat([y, *[y[y == 0]] * 9])
    for one, other in zip(
        imprinted(z, y, weight, bias, RARE), imprinted(*often, weight, bias, RARE), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-4)


def test_without_a_clip_it_is_never_named() -> None:
    z, y = clouds()
    weight, bias = learned(z, y)
    keep = y != 4
    rows, biases = imprinted(z[keep], y[keep], weight, bias, RARE)
    weight[RARE], bias[RARE] = rows, biases
    logits = z @ weight.T + bias
    assert torch.all(logits[:, 4] < logits[:, [0, 2, 3, 5]].mean(dim=1) + ABSENT + 1e-3)


def test_embeddings_that_say_nothing_give_finite_rows() -> None:
    y = torch.tensor([0, 0, 2, 2, 1])
    for z in (torch.zeros(5, D), torch.ones(5, D)):
        rows, biases = imprinted(z, y, torch.zeros(K, D), torch.zeros(K), [1])
        assert torch.isfinite(rows).all()
        assert torch.isfinite(biases).all()
    with pytest.raises(ValueError, match="1 common"):
        imprinted(torch.ones(2, D), torch.tensor([0, 1]), torch.zeros(K, D), torch.zeros(K), [1])


def test_a_network_takes_on_a_class_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    model = models.create("dnn", FeatureSpec(), K, hidden=8, embedding=D).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    z, y = clouds()
    model.imprint(z, y, RARE)
    once = {k: v.clone() for k, v in model.state_dict().items()}
    changed = [k for k in before if not torch.equal(before[k], once[k])]
    assert changed == ["head.1.weight", "head.1.bias"]
    rest = [0, 2, 3, 5]
    assert torch.equal(before["head.1.weight"][rest], once["head.1.weight"][rest])
    model.imprint(z, y, RARE)
    assert all(torch.equal(v, once[k]) for k, v in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())


def test_a_fitted_head_takes_on_a_class() -> None:
    z, y = clouds()
    common = torch.tensor([int(k) not in RARE for k in y])
    head = Logistic(K, c=1.0)
    head.fit(z[common].numpy(), y[common].numpy(), np.ones(int(common.sum())))
    old = head(z)
    assert torch.all(old[:, RARE] == ABSENT_IN_HEAD)
    head.imprint(z, y, [1])
    new, truth = clouds(seed=1, n_rare=40)
    logits = head(new)
    assert torch.all(logits[:, 4] == ABSENT_IN_HEAD)
    assert torch.allclose(head(z)[:, [0, 2, 3, 5]], old[:, [0, 2, 3, 5]])
    predicted = logits.argmax(dim=1)
    assert float((predicted[truth == 1] == 1).float().mean()) > 0.9
    fresh = Logistic(K)
    fresh.load_state_dict(head.state_dict())
    assert torch.equal(fresh(new), logits)
