"""Bands of calls and shares of energy, by hand-made spectra."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.band import Band


def clips(n: int, calling: slice, louder_db: float, seed: int = 0) -> np.ndarray:
    """(n, 10, 4) dB: a flat floor of -60 with a call in some bands."""
    x = np.full((n, 10, 4), -60.0, dtype=np.float32)
    x[:, calling] += louder_db
    return x + np.random.default_rng(seed).normal(0, 5, (n, 1, 1)).astype(np.float32)  # level of the clip


def test_the_band_is_where_the_call_is() -> None:
    band = Band.of(clips(6, slice(3, 5), 20))
    assert band is not None
    assert np.flatnonzero(band.inside).tolist() == [3, 4]
    # Two bands at 20 dB are 200 parts, eight at the floor are 8, whatever the level.
    assert band.shares(clips(3, slice(3, 5), 20, seed=1)) == pytest.approx(200 / 208)
    assert band.shares(clips(1, slice(7, 9), 20)) == pytest.approx(2 / 208)
    assert band.shares(np.full((1, 10, 4), -800.0)) == pytest.approx(0.2), "no underflow"


def test_real_clips_say_what_is_usual() -> None:
    real = np.concatenate([clips(1, slice(3, 5), db) for db in range(10, 31)])  # 21 clips
    band = Band.of(real)
    assert band is not None
    shares = np.sort(band.shares(real))
    assert (band.low, band.high) == pytest.approx((shares[1], shares[19]))
    held = band.holds(band.shares(np.concatenate([clips(1, slice(3, 5), db) for db in (0, 20, 60)])))
    assert held.tolist() == [False, True, False]


def test_a_handful_of_clips_says_nothing() -> None:
    assert Band.of(clips(4, slice(3, 5), 20)) is None
