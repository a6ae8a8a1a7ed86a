"""The building blocks of simulated calls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.datasets.simulate import waveforms as synth


def peak_hz(sound: np.ndarray, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * rate / len(sound))


@given(st.lists(st.floats(10, 1000), min_size=2, max_size=6))
def test_a_contour_passes_through_its_points_and_never_overshoots(points: list[float]) -> None:
    n = 60 * (len(points) - 1) + 1
    curve = synth.contour(points, n)
    assert curve[::60] == pytest.approx(points, rel=1e-6)
    assert min(points) - 1e-6 <= curve.min() <= curve.max() <= max(points) + 1e-6


def test_glides_start_and_stop_where_they_say() -> None:
    assert synth.sweep(100, 200, 11)[[0, 5, 10]] == pytest.approx([100, 150, 200])
    assert synth.sweep(100, 200, 11, bend=2)[5] == pytest.approx(125)
    assert synth.fall(800, 200, 11)[[0, 5, 10]] == pytest.approx([800, 400, 200])


def test_a_tone_has_its_partials_in_their_ratios() -> None:
    sound = synth.tone(np.full(8000, 100.0), 8000, (1.0, 0.0, 0.5))
    magnitude = np.abs(np.fft.rfft(sound)) / 4000
    assert magnitude[[100, 200, 300]] == pytest.approx([1.0, 0.0, 0.5], abs=1e-6)


def test_partials_beyond_the_rate_are_silent_and_not_folded_back() -> None:
    sound = synth.tone(np.linspace(300, 390, 4000), 1000, (1.0, 1.0, 1.0))
    magnitude = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(4000, 1 / 1000)
    assert magnitude[(hz < 280) | (hz > 410)].sum() < 0.01 * magnitude.sum()


def test_an_envelope_is_whole_in_the_middle_and_nothing_at_its_ends() -> None:
    envelope = synth.rise_and_fall(1000, 0.2, 0.4)
    assert envelope[0] == 0
    assert envelope[-1] == 0
    assert (envelope[200:600] == 1).all()
    assert envelope[100] == pytest.approx(0.5, abs=0.02)
    assert envelope[800] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("duration_s", [0.0002, 0.02])
def test_a_burst_is_centred_on_its_band(duration_s: float) -> None:
    rate, middle = 200_000, 40_000
    sound = synth.burst(middle - 5000, middle + 5000, duration_s, rate)
    assert len(sound) == round(duration_s * rate)
    energy = np.abs(np.fft.rfft(sound, 1 << 14)) ** 2
    assert np.sum(energy * np.fft.rfftfreq(1 << 14, 1 / rate)) / energy.sum() == pytest.approx(
        middle, rel=0.02
    )


def test_a_ring_falls_to_one_over_e() -> None:
    sound = synth.ring(500, 0.1, 0.5, 48_000)
    early, late = sound[4800:5800], sound[9600:10600]  # 0.1 s apart
    assert np.abs(late).max() / np.abs(early).max() == pytest.approx(np.exp(-1), rel=0.01)
    assert peak_hz(sound, 48_000) == pytest.approx(500, abs=3)


def test_place_adds_with_gains_and_cuts_at_the_end() -> None:
    line = synth.place(np.ones(3), 6, [0, 2, 5], [1.0, 2.0, 4.0])
    assert line.tolist() == [1, 1, 3, 2, 2, 4]


def test_wander_keeps_near_one() -> None:
    factor = synth.wander(np.random.default_rng(0), 10_000, 1000, 5, 0.1)
    assert abs(factor.mean() - 1) < 0.05
    assert 0.79 < factor.min() < factor.max() < 1.21


def test_finish_is_float32_with_peak_one() -> None:
    sound = synth.finish(np.array([0.0, -4.0, 2.0]))
    assert sound.dtype == np.float32
    assert sound.tolist() == [0, -1, 0.5]
