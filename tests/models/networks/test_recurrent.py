"""The recurrent families, and the pieces they share with others: stem, attention pooling."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from finback.features.spec import FeatureSpec
from finback.models import create
from finback.models.networks.blocks import AttentionPool, FrameStem
from finback.models.networks.recurrent import LSTM, RNN

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=48)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_attention_weights_are_a_distribution_that_ignores_no_frame() -> None:
    weights = AttentionPool(8).weights(torch.randn(4, 30, 8) * 5)
    assert weights.shape == (4, 30)
    assert torch.allclose(weights.sum(dim=1), torch.ones(4))
    assert (weights > 0).all()


def test_attention_pool_is_the_weighted_mean() -> None:
    pool, frames = AttentionPool(8), torch.randn(2, 5, 8)
    expected = sum(pool.weights(frames)[:, i, None] * frames[:, i] for i in range(5))
    assert torch.allclose(pool(frames), torch.as_tensor(expected), atol=1e-6)


def test_attention_pool_can_learn_to_pick_one_frame() -> None:
    """The frame whose first value is high, wherever it stands: a mean over 40 frames could not."""
    pool, head = AttentionPool(4, hidden=8), nn.Linear(4, 1)
    optimizer = torch.optim.Adam([*pool.parameters(), *head.parameters()], lr=0.05)
    for _ in range(150):
        frames, place = torch.randn(64, 40, 4), torch.randint(0, 40, (64,))
        frames[:, :, 0] = 0.0
        frames[torch.arange(64), place, 0] = 3.0
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(head(pool(frames))[:, 0], frames[torch.arange(64), place, 1])
        loss.backward()
        optimizer.step()
    weights = pool.weights(frames)[torch.arange(64), place]
    assert weights.mean() > 0.25  # ten times an even share


@pytest.mark.parametrize(("n_mels", "n_frames"), [(32, 48), (96, 112), (5, 7), (4, 2)])
def test_stem_shrinks_time_by_four_for_any_picture(n_mels: int, n_frames: int) -> None:
    tokens = FrameStem(4, 3, 10).eval()(torch.randn(2, 1, n_mels, n_frames))
    assert tokens.shape == (2, -(-n_frames // 4), 10)


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_order_in_time_matters(name: str) -> None:
    """An up-sweep and the same played backwards are different calls."""
    model = create(name, SPEC, 3).eval()
    assert isinstance(model, RNN)
    frames = torch.randn(4, 12, model.recurrent.input_size)
    model.standardise = model.stem = nn.Identity()  # type: ignore[assignment]
    assert not torch.allclose(model(frames), model(frames.flip(1)), atol=1e-3)


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_read_in_both_directions(name: str) -> None:
    """The first frame of the forward half does not depend on the end; that of the backward half does."""
    model = create(name, SPEC, 3).eval()
    assert isinstance(model, RNN)
    frames = torch.randn(1, 12, model.recurrent.input_size)
    changed = frames.clone()
    changed[:, -1] += 1.0
    hidden = model.recurrent.hidden_size
    (one, _), (two, _) = model.recurrent(frames), model.recurrent(changed)
    assert torch.equal(one[:, 0, :hidden], two[:, 0, :hidden])
    assert not torch.equal(one[:, 0, hidden:], two[:, 0, hidden:])


def test_recurrent_weights_start_orthogonal() -> None:
    model = LSTM(SPEC, 3, hidden=16)
    weight = model.recurrent.weight_hh_l0
    assert isinstance(weight, torch.Tensor)
    for gate in weight.detach().split(16):
        assert torch.allclose(gate @ gate.T, torch.eye(16), atol=1e-5)


def test_families_differ_in_their_cell_only() -> None:
    assert isinstance(create("lstm", SPEC, 3).recurrent, nn.LSTM)
    assert type(create("rnn", SPEC, 3).recurrent) is nn.RNN


def test_more_layers_are_taken() -> None:
    model = create("lstm", SPEC, 3, layers=2, hidden=8).eval()
    assert model(torch.randn(2, 1, 32, 48)).shape == (2, 3)
