"""Mixup and cutmix: labels sum to one and say what the inputs hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.training.augment.mix import MixDraw, apply_mix, cutmix, draw_mix, mixup

B, K = 6, 4
Y = torch.nn.functional.one_hot(torch.arange(B) % K, K).float()


def numbered(*shape: int) -> torch.Tensor:
    """Each clip is full of its own number."""
    return torch.arange(float(B)).view(B, *[1] * len(shape)).expand(B, *shape).clone()


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_without_cutmix_the_same_numbers_are_drawn_as_ever(alpha: float) -> None:
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    d = draw_mix(rng, B, alpha, 0.0, 30)
    share, order = float(same.beta(alpha, alpha)), same.permutation(B)
    assert d.share == share
    assert np.array_equal(d.order, order)
    assert d.box is None
    assert rng.random() == same.random()
    x = torch.randn(B, 1, 5, 30)
    mixed, labels = apply_mix(x, Y, d)
    assert torch.equal(mixed, torch.lerp(x[torch.from_numpy(order)], x, share))
    assert torch.equal(labels, torch.lerp(Y[torch.from_numpy(order)], Y, share))


def test_both_off_draws_nothing_and_changes_nothing() -> None:
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    d = draw_mix(rng, B, 0.0, 0.0, 30)
    assert d == MixDraw()
    assert rng.random() == same.random()
    x = torch.randn(B, 30)
    assert apply_mix(x, Y, d) == (x, Y)


@pytest.mark.parametrize("shape", [(1, 5, 40), (40,)], ids=["logmel", "wave"])
def test_cutmix_keeps_what_the_labels_say(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    kept = set()
    for _ in range(40):
        d = draw_mix(rng, B, 0.0, 1.0, shape[-1])
        x = numbered(*shape)
        mixed, labels = apply_mix(x, Y, d)
        assert torch.equal(x, numbered(*shape))
        assert torch.allclose(labels.sum(dim=1), torch.ones(B))
        own = (mixed == numbered(*shape)).float()
        flat = own.flatten(1, -2) if own.dim() > 2 else own[:, None]
        assert torch.equal(flat.amin(dim=1), flat.amax(dim=1))  # all frequencies alike
        for i in range(B):
            partner = int(d.order[i])
            if partner == i:
                continue
            share = float(own[i].mean())
            assert share == pytest.approx(d.share, abs=1e-6)
            expected = share * Y[i] + (1 - share) * Y[partner]
            assert torch.allclose(labels[i], expected, atol=1e-6)
            assert set(mixed[i].unique().tolist()) <= {float(i), float(partner)}
            kept.add(round(share, 3))
    assert len(kept) > 10


def test_cutmix_is_one_piece_of_time() -> None:
    mixed, labels = cutmix(numbered(10), Y, (3, 7), torch.arange(B).roll(1))
    assert mixed[2].tolist() == [2, 2, 2, 1, 1, 1, 1, 2, 2, 2]
    assert torch.allclose(labels[2], 0.6 * Y[2] + 0.4 * Y[1])


def test_mixup_is_a_weighted_sum() -> None:
    mixed, labels = mixup(numbered(3), Y, 0.75, torch.arange(B).roll(1))
    assert torch.allclose(mixed[2], torch.full((3,), 0.75 * 2 + 0.25))
    assert torch.allclose(labels[2], 0.75 * Y[2] + 0.25 * Y[1])


def test_both_on_take_turns() -> None:
    rng = np.random.default_rng(0)
    boxes = [draw_mix(rng, B, 0.4, 1.0, 50).box is not None for _ in range(200)]
    assert 0.4 < np.mean(boxes) < 0.6


def test_boxes_reach_both_ends_and_stay_inside() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([draw_mix(rng, 2, 0.0, 1.0, 8).box for _ in range(500)])
    assert boxes.min() == 0
    assert boxes.max() == 8
    assert (boxes[:, 0] <= boxes[:, 1]).all()
    part = boxes[np.diff(boxes, axis=1)[:, 0] == 3]
    assert set(part[:, 0]) == set(range(6))
