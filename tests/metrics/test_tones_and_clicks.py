"""Measures of tones, clicks and noise against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics import tones_and_clicks as v

RATE = 8000
TIME = np.arange(16_000) / RATE


def test_a_steady_tone_has_no_modulation_and_no_jitter() -> None:
    tone = np.sin(2 * np.pi * 1000 * TIME)[None]
    assert v.modulation_depth(tone)[0] < 1e-3
    assert v.frequency_jitter(tone, RATE)[0] < 0.1


def test_a_modulated_tone_by_hand() -> None:
    """1 + 0.4 sin has a mean of 1 and a deviation of 0.4 / sqrt 2."""
    tone = (1 + 0.4 * np.sin(2 * np.pi * 20 * TIME)) * np.sin(2 * np.pi * 1000 * TIME)
    assert v.modulation_depth(tone[None])[0] == pytest.approx(0.4 / np.sqrt(2), rel=0.01)


def test_a_wavering_tone_by_hand() -> None:
    """30 Hz of frequency modulation: a deviation of 30 / sqrt 2, and none around the right frequency."""
    hz = 1000 + 30 * np.sin(2 * np.pi * 5 * TIME)
    tone = np.sin(2 * np.pi * np.cumsum(hz) / RATE)[None]
    assert v.frequency_jitter(tone, RATE)[0] == pytest.approx(30 / np.sqrt(2), rel=0.02)
    assert v.frequency_jitter(tone, RATE, hz[None])[0] < 0.5


def test_noise_in_a_narrow_band_is_as_the_docstring_says() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 200_000))
    assert v.modulation_depth(noise)[0] == pytest.approx(0.52, abs=0.02)
    assert v.kurtosis(noise)[0] == pytest.approx(3, abs=0.1)
    assert v.envelope_deviation(noise, 256)[0] == pytest.approx(0.52, abs=0.02)
    assert v.envelope_deviation(np.sin(2 * np.pi * np.arange(51_200) / 8)[None], 256)[0] < 0.1


def test_clicks_by_hand() -> None:
    wave = np.zeros((2, 1000))
    wave[0, 500:508] = 1  # 90 % of the energy of 8 equal samples takes all 8
    wave[1, 400], wave[1, 500] = 1, 3  # 90 % is in one sample, 10 % before the onset
    assert v.click_width_ms(wave, RATE) == pytest.approx([1.0, 0.125])
    assert v.energy_before(wave, np.array([504, 500])) == pytest.approx([0.5, 0.1])
    assert v.energy_near(wave, np.array([400, 504]), 2) == pytest.approx([0.25, 0.1])
    assert np.isnan(v.click_width_ms(np.zeros((1, 100)), RATE)[0])
