"""The definition of SNR, against hand-worked sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.datasets.simulate import snr

RATE = 8000


def sine(hz: float, amplitude: float, seconds: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def test_a_tone_has_half_its_squared_amplitude() -> None:
    assert snr.active_power(sine(500, 0.2, 1.0), RATE, 400, 600) == pytest.approx(0.02, rel=0.02)
    assert snr.band_power(sine(500, 0.2, 1.0), RATE, 400, 600) == pytest.approx(0.02, rel=1e-3)


def test_silence_between_pulses_is_not_call() -> None:
    pulse = sine(500, 1.0, 0.1)
    train = np.concatenate([pulse, np.zeros(RATE), pulse, np.zeros(3 * RATE), pulse])
    once = snr.active_power(pulse, RATE, 400, 600)
    assert snr.active_power(train, RATE, 400, 600) == pytest.approx(once, rel=0.05)


def test_active_time_holds_nine_tenths_of_the_energy() -> None:
    """1 s at power 0.5, 1 s at 0.125: nine tenths of 0.625 are in the loud second and half the other."""
    call = np.concatenate([sine(500, 1.0, 1.0), sine(500, 0.5, 1.0)])
    assert snr.active_power(call, RATE, 400, 600) == pytest.approx(0.5625 / 1.5, rel=0.02)


def test_power_outside_the_band_does_not_count() -> None:
    both = sine(500, 0.2, 1.0) + sine(2000, 0.9, 1.0)
    assert snr.active_power(both, RATE, 400, 600) == pytest.approx(0.02, rel=0.02)
    assert snr.band_power(both + 0.5, RATE, 400, 600) == pytest.approx(0.02, rel=1e-3)


def test_a_tones_band_is_a_third_of_an_octave_about_it() -> None:
    low, high = snr.energy_band(sine(1000, 1.0, 2.0), RATE)
    assert high / low == pytest.approx(2 ** (1 / 3), rel=0.01)
    assert np.sqrt(low * high) == pytest.approx(1000, rel=0.01)


def test_a_sweeps_band_is_its_sweep_and_ends_at_half_the_rate() -> None:
    t = np.arange(2 * RATE) / RATE
    low, high = snr.energy_band(np.sin(2 * np.pi * (500 * t + 250 * t**2)), RATE)
    assert (low, high) == pytest.approx((500, 1500), rel=0.05)
    assert snr.energy_band(sine(3900, 1.0, 1.0), RATE)[1] == RATE / 2


@given(st.floats(-20, 40), st.integers(0, 100))
def test_a_tone_in_white_noise_by_hand(level_db: float, seed: int) -> None:
    """White noise of variance v has v * bandwidth / (rate / 2) in a band; a tone a^2 / 2."""
    noise = np.random.default_rng(seed).standard_normal(20 * RATE)
    width = 1000 * (2 ** (1 / 6) - 2 ** (-1 / 6))
    amplitude = np.sqrt(2 * width / (RATE / 2) * 10 ** (level_db / 10))
    assert snr.snr_db(sine(1000, amplitude, 1.0), noise, RATE) == pytest.approx(level_db, abs=0.5)
