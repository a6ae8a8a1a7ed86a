"""EDM preconditioning: unit inputs and targets at every noise level, and the right limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from finback.models.networks.preconditioning import draw_sigma, loss_weight, precondition

DATA = 0.7  # sigma_data
LEVELS = torch.tensor([0.002, 0.1, 0.7, 3.0, 80.0])


def test_the_network_sees_unit_inputs_and_is_asked_for_unit_targets() -> None:
    generator = torch.Generator().manual_seed(0)
    clean = DATA * torch.randn((5, 1, 40, 50), generator=generator)
    noise = torch.randn(clean.shape, generator=generator) * LEVELS[:, None, None, None]
    seen: list[Tensor] = []

    def remember(x: Tensor, c_noise: Tensor, labels: Tensor) -> Tensor:
        seen.extend([x, c_noise, labels])
        return torch.zeros_like(x)

    labels = torch.arange(5)
    skipped = precondition(remember, DATA)(clean + noise, LEVELS, labels)  # c_skip x
    one = precondition(lambda x, c, y: torch.ones_like(x), DATA)(clean + noise, LEVELS, labels)
    target = (clean - skipped) / (one - skipped)  # the right output of the network
    for row in range(5):
        assert seen[0][row].std() == pytest.approx(1, abs=0.05)
        assert target[row].std() == pytest.approx(1, abs=0.05)
    assert torch.equal(seen[1], LEVELS.log() / 4)
    assert torch.equal(seen[2], labels)
    # the weight turns the squared error of D into the squared error of the network
    assert torch.allclose(loss_weight(LEVELS, DATA), 1 / (one - skipped)[:, 0, 0, 0] ** 2, rtol=1e-3)


def test_without_noise_nothing_is_changed_and_in_noise_nothing_is_seen() -> None:
    denoise = precondition(lambda x, c, y: torch.ones_like(x), DATA)
    x = torch.tensor([[2.0], [2.0]])
    quiet, loud = denoise(x, torch.tensor([1e-4, 1e4]), torch.zeros(2, dtype=torch.long))
    assert quiet.item() == pytest.approx(2, abs=1e-3)
    assert loud.item() == pytest.approx(DATA, abs=1e-3)  # sigma_data times what the network says


def test_drawn_noise_levels_are_log_normal() -> None:
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    logs = draw_sigma(normal, -0.4, 1.4).log()
    assert logs.mean() == pytest.approx(-0.4, abs=0.03)
    assert logs.std() == pytest.approx(1.4, abs=0.03)
