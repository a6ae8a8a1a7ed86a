"""A seed names a sample: the batch around it does not matter."""

from __future__ import annotations

import pytest
import torch

from finback.core.errors import SettingsError
from finback.generation.diffusion.seeds import Streams, stream_of

SHAPE = (1, 6, 5)


def test_batch_and_order_do_not_matter() -> None:
    seeds, order = [7, 0, 2**40, 3, 12], [3, 1, 4, 0, 2]
    together, shuffled = Streams(seeds), Streams([seeds[i] for i in order])
    alone = [Streams([seed]) for seed in seeds]
    for _ in range(3):  # the streams go on side by side
        drawn, mixed = together.normal(SHAPE), shuffled.normal(SHAPE)
        assert drawn.shape == (5, *SHAPE)
        assert torch.equal(mixed, drawn[order])
        for own, single in zip(drawn, alone, strict=True):
            assert torch.equal(single.normal(SHAPE)[0], own)


def test_streams_move_on_and_differ() -> None:
    streams = Streams(range(4))
    first, second = streams.normal((5000,)), streams.normal((5000,))
    both = torch.cat([first, second])
    correlation = torch.corrcoef(both) - torch.eye(8)
    assert correlation.abs().max() < 0.07  # 0.014 is one deviation for independent draws
    assert both.mean().abs() < 0.03
    assert both.std() == pytest.approx(1, abs=0.02)
    assert both.dtype == torch.float32


def test_large_seeds_are_not_cut_short() -> None:
    assert not torch.equal(Streams([1]).normal((4,)), Streams([1 + 2**32]).normal((4,)))


def test_a_single_number_each() -> None:
    assert Streams([1, 2, 3]).normal(()).shape == (3,)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SettingsError, match="seed -1: below 0"):
        Streams([3, -1])


def test_one_seed_gives_each_species_other_numbers() -> None:
    seals, whales = (Streams(range(4), species=[name] * 4) for name in ("Ross Seal", "Fin Whale"))
    drawn = torch.cat([seals.normal((5000,)), whales.normal((5000,))])
    assert (torch.corrcoef(drawn) - torch.eye(8)).abs().max() < 0.07


def test_a_species_and_a_seed_are_one_stream_everywhere() -> None:
    names = ["Fin Whale", "Ross Seal", "Fin Whale"]
    drawn = Streams([3, 3, 4], species=names).normal((2,)).numpy()
    assert (drawn[1] == Streams([3], species=["Ross Seal"]).normal((2,)).numpy()).all()
    assert (drawn[1] == stream_of("Ross Seal", 3).standard_normal(2, dtype="float32")).all()
    # Python's own hash of a text differs from process to process.
    assert stream_of("Ross Seal", 3).integers(1000) == 285
