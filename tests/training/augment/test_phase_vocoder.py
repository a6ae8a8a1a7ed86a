"""The phase vocoder keeps what a sound is made of, and leaves alone what is not stretched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.training.augment.phase_vocoder import stretch

RATE, T = 22_050, 66_150


def level_db(x: torch.Tensor) -> float:
    return 10 * float(x.double().square().mean().log10())


def test_factor_one_gives_the_sound_back() -> None:
    x = torch.randn(T, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(stretch(x, 1.0), x, atol=1e-3)


@pytest.mark.parametrize("factor", [0.8, 0.98, 1.25])
@pytest.mark.parametrize("n", [T, 4000])
def test_noise_keeps_its_level_throughout(factor: float, n: int) -> None:
    """Without phase locking it loses more than 3 dB after the first frames."""
    x = torch.randn(n, generator=torch.Generator().manual_seed(0))
    y = stretch(x, factor)
    for part in y.chunk(5):
        assert level_db(part) == pytest.approx(0.0, abs=2.0)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_tones_keep_their_level_and_sweeps_most_of_it(factor: float) -> None:
    t = torch.arange(T, dtype=torch.float64) / RATE
    tone = torch.sin(2 * torch.pi * 1000 * t).float()
    sweep = torch.sin(2 * torch.pi * (1000 * t + 600 * t**2)).float()  # 1.2 kHz a second
    for x, lost in ((tone, 0.1), (sweep, 3.0)):
        y = stretch(x, factor)
        assert len(y) == pytest.approx(T * factor, rel=0.01)
        inner = y[len(y) // 10 : -len(y) // 10]
        assert -3.01 - lost < level_db(inner) < -3.01 + 0.2


def test_a_click_stays_one_click_in_its_place() -> None:
    x = torch.zeros(T)
    x[30_000] = 1.0
    y = stretch(x, 1.25).abs().numpy()
    assert int(y.argmax()) == pytest.approx(37_500, abs=600)
    near = np.abs(np.arange(len(y)) - y.argmax()) < 1100  # one frame
    assert (y[near] ** 2).sum() > 0.95 * (y**2).sum()


def test_silence_stays_silent() -> None:
    assert not stretch(torch.zeros(5000), 1.3).any()
