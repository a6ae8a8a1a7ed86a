"""Levels: never above 0.99, otherwise as asked; silence stays silence."""

from __future__ import annotations

import pytest
import torch

from finback.generation.vocoders.level import PEAK, limit, match, rms


def test_only_what_would_clip_is_turned_down_and_as_a_whole() -> None:
    waves = torch.tensor([[0.5, -0.2, 0.1], [2.0, -4.0, 1.0], [0.0, 0.0, 0.0]])
    limited = limit(waves)
    assert torch.equal(limited[0], waves[0])
    assert torch.allclose(limited[1], waves[1] * PEAK / 4)
    assert torch.equal(limited[2], waves[2])


def test_match_gives_each_its_level_unless_that_would_clip() -> None:
    tone = torch.sin(torch.arange(8000) * 0.1)
    waves = torch.stack([tone, tone * 1e-4, torch.zeros(8000), tone])
    matched = match(waves, torch.tensor([0.1, 0.2, 0.3, 3.0]))
    assert rms(matched)[:2].tolist() == pytest.approx([0.1, 0.2], rel=1e-4)
    assert matched[2].abs().max() == 0
    assert float(matched[3].abs().max()) == pytest.approx(PEAK, rel=1e-5)
    assert torch.allclose(match(waves[:1], 0.1), matched[:1])
