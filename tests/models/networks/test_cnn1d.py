"""The raw-wave family: filters that pass their band, clips of any length."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from finback.features.spec import FeatureSpec
from finback.models.networks.cnn1d import CNN1D, SincBank

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=512, hop=128, n_mels=32, n_frames=32)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def tone(hz: float, n: int = 4000, rate: int = 4000, phase: float = 0.0) -> torch.Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(n) / rate + phase)[None]


@pytest.mark.parametrize("n", [1, 3, 100, 255, 4000, 40_000])
def test_any_clip_length(n: int) -> None:
    model = CNN1D(SPEC, 3).eval()
    with torch.inference_mode():
        logits = model(torch.randn(2, n) * 0.1)
    assert logits.shape == (2, 3)
    assert torch.isfinite(logits).all()


def test_a_clip_ten_times_as_long_is_heard_alike() -> None:
    """The same sound over and over stays nearer to itself than to another sound."""
    model = CNN1D(SPEC, 3)
    t = torch.arange(4096) / 4000  # eight of the model's frames
    with torch.no_grad():
        for hz in range(100, 1900, 60):  # batch norms learn what sounds there are
            model(torch.cat([tone(hz), tone(hz * 0.6), torch.randn(2, 4000)]))
    model.eval()
    sweep, other = torch.sin(2 * math.pi * (200 * t + 400 * t.square()))[None], tone(700.0)
    clips = (sweep.repeat(1, 3), sweep.repeat(1, 30), other.repeat(1, 3))
    with torch.inference_mode():
        short, long, third = (model.embed(x) for x in clips)
    assert (short - long).norm() < 0.3 * (short - third).norm()


@pytest.mark.parametrize(
    ("rate", "n_fft", "f_min", "f_max"), [(2000, 256, 20.0, 500.0), (192_000, 512, 5e3, None)]
)
def test_bands_lie_in_the_range_of_the_spec(rate: int, n_fft: int, f_min: float, f_max: float | None) -> None:
    spec = FeatureSpec(sample_rate=rate, clip_samples=9600, n_fft=n_fft, hop=32, f_min=f_min, f_max=f_max)
    bank = SincBank(spec, 40)
    edges = bank.edges_hz.detach()
    resolved = rate / bank.length
    assert (edges[:, 0] > 0).all()
    assert (edges[:, 1] > edges[:, 0]).all()
    assert (edges[1:, 0] >= edges[:-1, 0] - 1e-3).all()
    assert edges[0, 0] == pytest.approx(max(f_min, resolved / 2), rel=1e-4)
    assert edges.max() <= min(rate / 2, spec.top_hz + resolved) + 1e-3


def test_each_filter_passes_its_band_and_stops_the_rest() -> None:
    """Two window resolutions outside the band nothing comes within 20 dB of what passes inside."""
    bank = SincBank(SPEC, 12)
    taps = bank.filters().detach()  # (2 K, L)
    hz = np.arange(0, 2000, 5.0)
    waves = torch.exp(-2j * torch.pi * torch.from_numpy(hz)[:, None] * bank.place.double() / 4000)
    response = (waves @ taps.T.to(torch.complex128)).abs().square()  # (hz, 2 K)
    resolved = 4000 / bank.length
    for k, (low, high) in enumerate(bank.edges_hz.tolist()):
        power = response[:, k] + response[:, k + 12]
        inside = power[(hz > low) & (hz < high)]
        outside = power[(hz < low - 2 * resolved) | (hz > high + 2 * resolved)]
        assert inside.max() > 100 * outside.max(), k
        peak = hz[int(power.argmax())]
        assert low - resolved <= peak <= high + resolved, k


def test_a_tone_lights_up_its_own_band() -> None:
    bank = SincBank(SPEC, 12)
    centres = bank.edges_hz.detach().mean(dim=1)
    for k in range(3, 12):
        power = bank(tone(float(centres[k]))).detach().mean(dim=-1)[0]
        assert int(power.argmax()) == k


def test_a_steady_tone_gives_a_steady_envelope() -> None:
    """The sine twin is what makes power independent of where in the cycle a frame begins."""
    bank = SincBank(SPEC, 12)
    k = 8
    power = bank(tone(float(bank.edges_hz.detach()[k].mean()))).detach()[0, k]
    assert power.std() < 0.02 * power.mean()
    assert power.mean() == pytest.approx(1.0, abs=0.35)


def test_edges_learn_towards_a_sound() -> None:
    """Gradient moves a band that lies above a tone down to it."""
    bank = SincBank(SPEC, 12)
    k, target = 8, float(bank.edges_hz.detach()[8, 0]) - 20.0
    before = float(bank.edges_hz.detach()[k].mean())
    optimizer = torch.optim.SGD(bank.parameters(), lr=0.02)
    for _ in range(10):
        optimizer.zero_grad()
        (-bank(tone(target))[0, k].mean()).backward()
        optimizer.step()
    assert float(bank.edges_hz.detach()[k].mean()) < before - 5


def test_levels_over_many_orders_give_the_same() -> None:
    model = CNN1D(SPEC, 3).eval()
    x = torch.randn(2, 4000)
    for gain in (1e-4, 1e-2, 1.0, 3e4):
        assert torch.allclose(model(x * gain), model(x), atol=1e-3), gain


def test_no_band_grows_past_half_the_sample_rate() -> None:
    bank = SincBank(SPEC, 12)
    with torch.no_grad():
        bank.log_band += 5.0
    assert float(bank.edges_hz.detach().max()) == pytest.approx(2000.0)
