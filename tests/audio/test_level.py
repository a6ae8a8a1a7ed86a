"""Levels against hand-worked numbers; silence stays silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.audio import level
from finback.core.errors import SettingsError

SINE = np.sin(2 * np.pi * np.arange(8000) / 80).astype(np.float32)


def test_remove_dc_leaves_the_sound() -> None:
    got = level.remove_dc(0.25 * SINE + np.float32(0.5))
    assert abs(got.mean(dtype=np.float64)) < 1e-8
    np.testing.assert_allclose(got, 0.25 * SINE, atol=1e-7)
    assert got.dtype == np.float32


def test_peak_and_rms() -> None:
    quiet = -0.02 * SINE
    assert np.abs(level.normalise(quiet, "peak")).max() == pytest.approx(1, abs=1e-6)
    scaled = level.normalise(quiet, "rms")
    assert np.sqrt(np.mean(scaled.astype(float) ** 2)) == pytest.approx(0.1, rel=1e-5)
    assert scaled[20] == pytest.approx(-0.1 * np.sqrt(2), rel=1e-4)  # the crest of a sine; sign kept
    assert level.normalise(quiet, "none") == pytest.approx(quiet)


@pytest.mark.parametrize("how", ["none", "peak", "rms"])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
def test_silence_with_an_offset_stays_silent(how: level.Level, value: float) -> None:
    flat = level.remove_dc(np.full(1001, value, np.float32))
    assert np.abs(level.normalise(flat, how)).max() < 1e-9


@given(st.floats(1e-9, 1e6), st.sampled_from(["peak", "rms"]))
def test_gain_does_not_matter(gain: float, how: level.Level) -> None:
    got = level.normalise(SINE * np.float32(gain), how)
    np.testing.assert_allclose(got, level.normalise(SINE, how), atol=2e-6)


def test_input_is_not_changed() -> None:
    x = SINE.copy()
    for how in ("none", "peak", "rms"):
        level.normalise(x, how)[:] = 9
    level.remove_dc(x)[:] = 9
    assert np.array_equal(x, SINE)
    assert level.remove_dc(x[:0]).shape == level.normalise(x[:0], "peak").shape == (0,)


def test_db() -> None:
    assert level.db(np.array([1, 0.1, 2])) == pytest.approx([0, -10, 3.0103], abs=1e-4)
    assert level.db(0.0) == -200
    with pytest.raises(SettingsError, match="unknown level 'loud'"):
        level.normalise(SINE, "loud")  # type: ignore[arg-type]


def test_rounding_errors_are_silence() -> None:
    residue = np.array([0, 1e-12, -2e-12], np.float32)
    for how in ("peak", "rms"):
        assert np.array_equal(level.normalise(residue, how), residue)
