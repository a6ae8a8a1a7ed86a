"""Losses against hand-worked numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from finback.training.losses import GroupAware, reverse_gradient, supcon


def unit(*rows: tuple[float, float]) -> torch.Tensor:
    return nn.functional.normalize(torch.tensor(rows, dtype=torch.float32), dim=1)


def test_supcon_by_hand() -> None:
    z = unit((1, 0), (1, 0), (0, 1))  # similarities 1, 0, 0
    label, tape = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])
    expected = -torch.log(torch.e ** torch.tensor(2.0) / (torch.e ** torch.tensor(2.0) + 1))  # 1 / 0.5 = 2
    assert supcon(z, label, tape, 0.5, across=False).item() == pytest.approx(float(expected), rel=1e-5)


def test_supcon_across_tapes_leaves_the_own_tape_out() -> None:
    label = torch.tensor([0, 0, 0, 1])
    tape = torch.tensor([0, 0, 1, 2])
    near, far = unit((1, 0), (1, 0), (0, 1), (0, -1)), unit((1, 0), (0, -1), (0, 1), (0, -1))
    only_first = [0, 2, 3]
    for z in (near, far):  # clip 1 shares clip 0's tape: where it lies is nothing to clip 0
        loss = supcon(z, label, tape, 0.1, across=True)
        assert torch.isfinite(loss)
    anchor = supcon(near[only_first], label[only_first], tape[only_first], 0.1, across=True)
    assert torch.isfinite(anchor)
    z = near.clone().requires_grad_()
    similarity_gradient = torch.autograd.grad(supcon(z, label, tape, 0.1, True), z)[0]
    assert torch.isfinite(similarity_gradient).all()


def test_supcon_of_one_tape_falls_back_to_the_species() -> None:
    z = unit((1, 0), (0.5, 1), (0, 1))
    label, tape = torch.tensor([0, 0, 1]), torch.tensor([5, 5, 6])
    assert torch.equal(supcon(z, label, tape, 0.1, True), supcon(z, label, tape, 0.1, False))


def test_supcon_without_a_pair_is_zero_and_has_a_gradient() -> None:
    z = unit((1, 0), (0, 1)).requires_grad_()
    loss = supcon(z, torch.tensor([0, 1]), torch.tensor([0, 1]), 0.1, True)
    loss.backward()
    assert loss.item() == 0.0


def test_reversed_gradient() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    assert torch.equal(y, x)
    y.sum().backward()
    assert torch.equal(x.grad, torch.tensor([-0.5, -0.5]))


def test_group_dro_turns_to_the_worse_tape() -> None:
    aware = GroupAware(nn.Identity(), 4, 3).train()
    losses, tape = torch.tensor([1.0, 1.0, 5.0]), torch.tensor([0, 0, 1])
    first = aware.robust(losses, tape, rate=1.0)
    # Weights after one step: softmax of (1, 5, 0) over the two tapes present.
    weight = torch.softmax(torch.tensor([1.0, 5.0]), dim=0)
    assert float(first) == pytest.approx(float(weight @ torch.tensor([1.0, 5.0])))
    assert aware.log_weights.exp().sum() == pytest.approx(1.0)
    before = aware.log_weights.clone()
    aware.eval().robust(losses, tape, rate=1.0)
    assert torch.equal(before, aware.log_weights)
