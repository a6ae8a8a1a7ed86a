"""Spectrum augmentation: draws apart from applying, each effect where it should be and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.training.augment.spectrum import (
    OverlayDraw,
    SpectrumSettings,
    apply,
    apply_overlay,
    draw,
    draw_overlay,
)

OFF = SpectrumSettings(roll=0, shift_bands=0, mask_time=0, mask_bands=0, eq_db=0, noise=0, low_pass=0)
SHAPE = (6, 24, 30)


def pictures() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(-50, 8, (6, 1, 24, 30)).astype(np.float32))


def changed(settings: SpectrumSettings, seed: int = 1) -> torch.Tensor:
    return apply(pictures(), draw(np.random.default_rng(seed), settings, SHAPE))


def test_all_off_changes_nothing() -> None:
    assert torch.allclose(changed(OFF), pictures(), atol=1e-4)


def test_same_generator_same_result() -> None:
    assert torch.equal(changed(SpectrumSettings()), changed(SpectrumSettings()))
    assert not torch.equal(changed(SpectrumSettings()), changed(SpectrumSettings(), seed=2))


def test_input_is_left_as_it_was() -> None:
    x = pictures()
    apply(x, draw(np.random.default_rng(0), SpectrumSettings(), SHAPE))
    assert torch.equal(x, pictures())


def test_roll_is_circular_in_time() -> None:
    y = changed(OFF.model_copy(update={"roll": 1.0}))
    assert torch.allclose(y.sum(dim=-1), pictures().sum(dim=-1), atol=1e-2)
    assert not torch.allclose(y, pictures(), atol=1.0)


def test_equaliser_is_one_smooth_curve_for_all_frames() -> None:
    difference = (changed(OFF.model_copy(update={"eq_db": 6.0})) - pictures())[:, 0]  # (B, M, F)
    assert difference.std(dim=2).max() < 1e-3
    curve = difference.mean(dim=2)
    assert curve.std() > 2
    assert curve.diff(dim=1).abs().max() < 6  # dB a band: two cycles over 24 bands at most


def test_noise_only_ever_adds_power() -> None:
    difference = changed(OFF.model_copy(update={"noise": 1.0})) - pictures()
    assert difference.min() > -1e-3
    assert difference.max() > 1


def test_noise_adds_as_power_does() -> None:
    d = draw(np.random.default_rng(1), OFF.model_copy(update={"noise": 0.5}), SHAPE)
    x = pictures().double().numpy()[:, 0]
    floor = x.max(axis=(1, 2))[:, None] + d.floor  # (B, M) dB
    expected = 10 * np.log10(10 ** (x / 10) + 10 ** (floor[:, :, None] / 10))
    assert 0 < np.isfinite(d.floor).all(axis=1).sum() < 6
    assert np.allclose(apply(pictures(), d)[:, 0].numpy(), expected, atol=1e-3)


def test_low_pass_empties_the_top() -> None:
    y = changed(OFF.model_copy(update={"low_pass": 1.0}))
    lowest = pictures().amin(dim=(1, 2, 3), keepdim=True)
    emptied = (y == lowest).all(dim=-1)[:, 0].sum(dim=1)  # bands per clip
    assert emptied.max() > 3
    assert emptied.max() <= 12
    assert torch.allclose(y[:, :, :12], pictures()[:, :, :12], atol=1e-4)


@pytest.mark.parametrize(("key", "axis"), [("mask_time", 3), ("mask_bands", 2)])
def test_masks_are_flat_and_within_bounds(key: str, axis: int) -> None:
    y = changed(OFF.model_copy(update={key: 0.3}))
    other = 5 - axis
    masked = (y.std(dim=other) < 1e-4)[:, 0].sum(dim=1)
    assert masked.max() > 0
    assert masked.max() <= 0.3 * y.shape[axis] + 1


def test_shift_moves_bands() -> None:
    y = changed(OFF.model_copy(update={"shift_bands": 3}))
    x = pictures()
    moved = [
        s
        for b in range(6)
        for s in range(-3, 4)
        if torch.allclose(y[b, 0, 3:-3], x[b, 0].roll(s, 0)[3:-3], atol=1e-4)
    ]
    assert len(moved) == 6
    assert len(set(moved)) > 1


def test_an_added_clip_adds_as_power_does_and_rolls_in_time() -> None:
    x, other = pictures(), pictures()[:2] + 5
    d = OverlayDraw(np.array([1, 4]), np.array([0, 1]), np.array([3, 0]), np.array([-6.0, 2.0]))
    y = apply_overlay(x, other, d)
    untouched = [0, 2, 3, 5]
    assert torch.equal(y[untouched], x[untouched])
    assert torch.equal(x, pictures())
    for row, added, roll, level in ((1, 0, 3, -6.0), (4, 1, 0, 2.0)):
        powers = 10 ** (x[row].double() / 10) + 10 ** ((other[added].double().roll(roll, -1) + level) / 10)
        assert torch.allclose(y[row].double(), 10 * powers.log10(), atol=1e-3)


def test_overlays_are_drawn_for_their_share_of_clips() -> None:
    settings = OFF.model_copy(update={"overlay": 0.5, "overlay_db": (-3.0, 1.0)})
    d = draw_overlay(np.random.default_rng(0), settings, 1000, 30, 7)
    assert 450 < len(d.rows) < 550
    assert set(d.added) == set(range(7))
    assert -3 <= d.level.min() < -2.8
    assert 0.8 < d.level.max() <= 1
    assert d.roll.max() == 29
    with pytest.raises(ValueError, match="lowest value must be the first"):
        SpectrumSettings(overlay_db=(1.0, -1.0))
