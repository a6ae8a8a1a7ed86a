"""What the analysis of a clip finds: tones, clicks, noise and background that were put there."""

from __future__ import annotations

import numpy as np
import pytest

from finback.features.spec import FeatureSpec
from finback.models.networks.calls.analysis import analyse
from finback.models.networks.calls.envelope import floor_of
from finback.models.networks.calls.grid import N_PULSE_BANDS, Grid, decibels, powers
from finback.models.networks.calls.oscillators import pulse_train, shaped_noise, stationary_noise, tone
from finback.models.networks.calls.pulses import pulses
from finback.models.networks.calls.sounds import Contour, Pulses, kind_of

GRID = Grid.of(FeatureSpec())
SMALL = Grid.of(FeatureSpec(sample_rate=2000, clip_samples=4000, n_fft=256, hop=32, n_mels=64, n_frames=125))
N = 2 * 22_050


def sea(rng: np.random.Generator, n: int = N, level: float = 0.001) -> np.ndarray:
    return level * rng.standard_normal(n)


def test_white_noise_of_variance_one_has_a_power_of_one() -> None:
    x = np.random.default_rng(0).standard_normal(N)
    assert GRID.power(x)[5:-5].mean() == pytest.approx(1, abs=0.02)
    assert (GRID.bands @ GRID.power(x)).mean() == pytest.approx(1, abs=0.03)
    assert floor_of(GRID.power(x)).mean() == pytest.approx(0, abs=1.0)


@pytest.mark.parametrize("grid", [GRID, SMALL], ids=["22 kHz", "2 kHz"])
def test_a_sweep_comes_back_with_its_frequency_and_level(grid: Grid) -> None:
    k = 60
    top = grid.rate / 8
    hz, db = np.linspace(top / 2, top, k), np.full(k, -20.0)
    x = sea(np.random.default_rng(1), 120 * grid.hop)
    x += tone(Contour(0, hz, db), grid, len(x), 30 * grid.hop, 0.3)
    (call,) = analyse(x, grid).calls
    found = max(call.contours, key=len)
    assert len(found) > 50
    start = analyse(x, grid).gaps[0] + found.start
    expected = np.interp(np.arange(start, start + len(found)), 30 + np.arange(k), hz)
    assert np.abs(found.frequency_hz - expected)[3:-3].max() < grid.rate / grid.window / 2
    assert np.median(found.level_db) == pytest.approx(-20, abs=1)
    assert kind_of(call) == "tonal call"


def test_a_whistle_too_steep_for_the_long_window_is_found_as_one_contour() -> None:
    hz = 6000 + 2000 * np.cos(np.linspace(-np.pi, np.pi, 40))  # 4 to 8 kHz and back within 0.5 s
    x = sea(np.random.default_rng(11)) + tone(Contour(0, hz, np.full(40, -20.0)), GRID, N, 11_000, 0.0)
    scene = analyse(x, GRID)
    found = max((c for call in scene.calls for c in call.contours), key=len)
    assert len(found) >= 34
    assert found.frequency_hz.max() - found.frequency_hz.min() > 3500


def test_a_background_of_one_level_has_no_swell_and_one_that_changes_has() -> None:
    rng = np.random.default_rng(12)
    x = sea(rng, 2 * N)
    assert np.abs(analyse(x, GRID).swell_db).max(initial=0) < 0.5
    x *= 10 ** (2 * np.sin(np.arange(2 * N) / 22_050 * 2 * np.pi) / 20)
    assert 0.6 < analyse(x, GRID).swell_db.std() < 1.5  # of 1.4; some of it is taken for a call


def test_harmonics_are_numbered() -> None:
    x = sea(np.random.default_rng(2))
    for k in (1, 2, 3, 5):
        c = Contour(0, np.linspace(700, 800, 70) * k, np.full(70, -25.0))
        x += tone(c, GRID, N, 20 * GRID.hop, float(k))
    (call,) = analyse(x, GRID).calls
    long = [c for c in call.contours if len(c) > 50]
    assert sorted(c.harmonic for c in long) == [1, 2, 3, 5]
    assert kind_of(call) == "harmonic call"


def test_clicks_come_back_at_their_times_and_with_their_energy() -> None:
    times = np.array([0.3, 0.42, 0.54, 0.66])
    train = Pulses(times, np.full((4, N_PULSE_BANDS), -20.0), 0.002)
    x = sea(np.random.default_rng(3))
    x += pulse_train(train, GRID, N, 0.0, np.random.default_rng(4))
    (call,) = analyse(x, GRID).calls
    start = analyse(x, GRID).gaps[0] * GRID.hop / GRID.rate
    assert len(call.pulses) == 4
    assert np.abs(call.pulses.time_s + start - times).max() < 0.006
    assert np.median(call.pulses.spectrum_db[:, 8:-4]) == pytest.approx(-20, abs=2.5)
    assert kind_of(call) == "click train"


def test_the_energy_of_a_click_counts_once_in_a_fast_train() -> None:
    energies = []
    for apart in (0.08, 0.02):  # a click is measured over 38 ms
        train = Pulses(0.3 + apart * np.arange(8), np.full((8, N_PULSE_BANDS), -20.0), 0.001)
        x = sea(np.random.default_rng(3)) + pulse_train(train, GRID, N, 0.0, np.random.default_rng(4))
        energies.append(pulses(x, GRID).spectrum_db[1:-1, 16:-4].mean())
    assert energies[1] == pytest.approx(energies[0], abs=1.0)


def test_a_burst_of_noise_is_noise_and_the_sea_is_no_call() -> None:
    level = np.full((GRID.n_bins, 174), -140.0)
    level[100:200, 60:100] = -25.0
    x = sea(np.random.default_rng(5)) + shaped_noise(level, GRID, N, np.random.default_rng(6))
    (call,) = analyse(x, GRID).calls
    assert kind_of(call) == "noise burst"
    inside = (GRID.band_hz > 2300) & (GRID.band_hz < 4200)
    middle = call.noise_db[:, call.n_frames // 2 - 5 : call.n_frames // 2 + 5]
    assert decibels(powers(middle[inside]).mean()) == pytest.approx(-25, abs=1.5)
    assert middle[~inside].mean() < -45
    scene = analyse(sea(np.random.default_rng(7)), GRID)
    assert sum(call.n_frames for call in scene.calls) < 20
    assert np.median(scene.floor_db) == pytest.approx(-60, abs=1)


def test_noise_is_made_with_the_power_that_is_asked_for() -> None:
    spectrum = np.linspace(-20, -40, GRID.n_bins)
    rng = np.random.default_rng(8)
    for made in (
        shaped_noise(np.repeat(spectrum[:, None], 400, axis=1), GRID, 90_000, rng),
        stationary_noise(spectrum, GRID, 90_000, rng),
    ):
        measured = decibels(GRID.power(made)[:, 5:-5].mean(axis=1))
        assert np.abs(measured - spectrum)[3:-3].max() < 1.7


def test_a_tone_that_rises_to_half_the_rate_fades_without_a_click() -> None:
    c = Contour(0, np.linspace(9_000, 14_000, 50), np.zeros(50))
    power = GRID.power(tone(c, GRID, N, 0.0, 0.0))
    assert power[:350, 5:].max() < 1e-3
    assert power[:, 25:].max() < 1e-3


def test_a_very_short_clip_is_analysed() -> None:
    scene = analyse(sea(np.random.default_rng(9), 300), GRID)
    assert np.isfinite(scene.floor_db).all()
