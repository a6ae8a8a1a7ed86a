"""Stretch, pitch and speed on tones and clicks, whose frequency and length can be read off."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.training.augment import stretch
from finback.training.augment.stretch import StretchDraw
from finback.training.augment.wave_settings import WaveSettings

RATE, T = 22_050, 66_150


def tone(hz: float = 1000.0, n: int = T, rate: int = RATE) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(n) / rate)


def only(**factors: list[float]) -> StretchDraw:
    n = len(next(iter(factors.values())))
    ones = {name: np.ones(n) for name in ("duration", "pitch", "speed")}
    return StretchDraw(**{**ones, **{k: np.array(v) for k, v in factors.items()}}, start=np.zeros(n))


def strongest_hz(x: torch.Tensor, rate: int = RATE) -> np.ndarray:
    spectrum = torch.fft.rfft(x * torch.hann_window(x.shape[1])).abs()
    return spectrum.argmax(dim=1).numpy() * rate / x.shape[1]


def purity(x: torch.Tensor, hz: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Share of the power within 3 % of a frequency."""
    power = torch.fft.rfft(x * torch.hann_window(x.shape[1])).abs().square().numpy()
    bins = np.arange(power.shape[1]) * rate / x.shape[1]
    near = np.abs(bins - hz[:, None]) < 0.03 * hz[:, None]
    return (power * near).sum(axis=1) / power.sum(axis=1)


@pytest.mark.parametrize("name", ["pitch", "speed"])
@pytest.mark.parametrize(("n", "rate", "hz"), [(T, RATE, 1000.0), (4000, 2000, 150.0), (9600, 192_000, 3e4)])
def test_a_tone_moves_by_the_drawn_semitones(name: str, n: int, rate: int, hz: float) -> None:
    semitones = np.array([-4.0, -1.0, 0.5, 3.0])
    ratio = 2 ** (semitones / 12)
    y = stretch.apply(tone(hz, n, rate).repeat(4, 1), only(**{name: ratio.tolist()}))
    assert np.allclose(strongest_hz(y, rate), hz * ratio, rtol=0.03)
    inner = y[:, n // 10 : -n // 10]
    assert (inner.std(dim=1) > 0.5).all()  # 0.71 is a whole tone
    if name == "pitch":  # no seam where the clip goes round
        assert (purity(y, hz * ratio, rate) > 0.9).all()


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.2, 1.6])
def test_stretch_keeps_pitch_and_changes_duration(factor: float) -> None:
    x = torch.zeros(1, T)
    x[0, 10_000:30_000] = tone(n=20_000)  # a call of 20,000 samples that starts at 10,000
    y = stretch.apply(x, only(duration=[factor]))
    assert np.allclose(strongest_hz(y), 1000, rtol=0.01)
    smooth = y[0].abs().unfold(0, 500, 100).mean(dim=1)
    loud = np.flatnonzero((smooth > 0.3).numpy()) * 100 + 250
    first = loud[: 1 + int(np.argmax(np.append(np.diff(loud), T) > 200))]  # the clip goes round
    assert first[0] == pytest.approx(10_000 * factor, abs=1200)
    assert len(first) * 100 == pytest.approx(20_000 * factor, rel=0.08)


def test_pitch_keeps_the_duration() -> None:
    x = torch.zeros(1, T)
    x[0, 20_000:40_000] = tone(n=20_000)
    y = stretch.apply(x, only(pitch=[1.2]))
    smooth = y[0].abs().unfold(0, 500, 100).mean(dim=1)
    loud = np.flatnonzero((smooth > 0.3).numpy()) * 100 + 250
    assert loud[0] == pytest.approx(20_000, abs=1200)
    assert loud[-1] == pytest.approx(40_000, abs=1200)


def test_speed_moves_clicks_and_keeps_them_sharp() -> None:
    x = torch.zeros(2, T)
    x[:, [6000, 12_000]] = 1.0
    y = stretch.apply(x, only(speed=[1.5, 0.8]))
    assert y[0].topk(2).indices.sort().values.numpy() == pytest.approx([4000, 8000], abs=40)
    assert y[1].topk(2).indices.sort().values.numpy() == pytest.approx([7500, 15_000], abs=60)


def test_slower_keeps_the_drawn_piece() -> None:
    x = torch.zeros(2, T)
    x[:, -6000] = 1.0
    d = only(speed=[0.8, 0.8])
    d.start[:] = [0.0, 1.0]
    y = stretch.apply(x, d)
    assert y[0].abs().max() < 0.1  # beyond the end of the first piece
    assert int(y[1].argmax()) == pytest.approx(T - 7500, abs=60)


def test_speed_keeps_the_level() -> None:
    y = stretch.apply(tone().repeat(2, 1), only(speed=[0.7, 1.4]))
    assert np.allclose(y[:, 2000:-20_000].std(dim=1), 0.707, atol=0.02)


def test_speeding_up_does_not_alias() -> None:
    y = stretch.apply(tone(10_500)[None], only(speed=[1.3]))  # would go to 13.6 kHz, above half the rate
    assert y.std() < 0.02


def test_untouched_clips_are_untouched() -> None:
    x = torch.stack([tone(500), tone(900)])
    y = stretch.apply(x, only(pitch=[1.0, 1.1]))
    assert torch.equal(y[0], x[0])
    assert torch.equal(x[1], tone(900))
    assert stretch.apply(x, only(pitch=[1.0, 1.0])) is x


def test_draws_stay_within_their_amounts_and_are_even_in_the_logarithm() -> None:
    settings = WaveSettings(stretch=0.25, pitch_semitones=2, speed_semitones=5, changed=0.5)
    d = stretch.draw(np.random.default_rng(0), settings, 4000)
    for factors, most in ((d.duration, 1.25), (d.pitch, 2 ** (2 / 12)), (d.speed, 2 ** (5 / 12))):
        moved = factors != 1
        assert 0.45 < moved.mean() < 0.55
        assert factors.max() <= most
        assert factors.min() >= 1 / most
        assert np.log(factors[moved]).std() == pytest.approx(np.log(most) / np.sqrt(3), rel=0.05)
    assert np.array_equal(d.pitch != 1, d.speed != 1)  # the same clips are moved by all three
