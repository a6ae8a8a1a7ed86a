"""Distances of reconstructions against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from finback.metrics.reconstruction import by_species, mse_db2, si_snr_db, snr_db


def test_mean_squared_error_is_per_item() -> None:
    x = np.zeros((2, 3, 4), dtype=np.float32)
    y = x.copy()
    y[1] += 2.0
    y[0, 0, 0] = 6.0
    np.testing.assert_allclose(mse_db2(x, y), [36 / 12, 4.0])


def test_ratios_by_hand() -> None:
    wave = np.array([[3.0, 4.0, 0.0], [1.0, 0.0, 0.0]])
    estimate = np.array([[3.0, 4.0, 0.5], [0.9, 0.0, 0.0]])
    np.testing.assert_allclose(snr_db(wave, estimate), [20.0, 20.0])
    assert si_snr_db(wave, estimate)[0] == pytest.approx(20.0)


def test_gain_matters_to_one_ratio_only() -> None:
    rng = np.random.default_rng(0)
    wave = rng.normal(size=(3, 100))
    estimate = wave + 0.1 * rng.normal(size=(3, 100))
    np.testing.assert_allclose(si_snr_db(wave, 7.0 * estimate), si_snr_db(wave, estimate), rtol=1e-9)
    assert (snr_db(wave, 7.0 * estimate) < 0).all()


def test_silence_has_a_number() -> None:
    silent = np.zeros((1, 10))
    assert np.isfinite(snr_db(silent, silent + 1.0)).all()
    assert np.isfinite(si_snr_db(silent, silent)).all()


def test_species_count_alike() -> None:
    figures = {"a": np.array([1.0, 1.0, 1.0, 5.0])}
    rows = by_species(figures, np.array([0, 0, 0, 2]), ["x", "none", "y"])
    assert rows == {"x": {"a": 1.0}, "y": {"a": 5.0}, "": {"a": 3.0}}


def test_nothing_has_no_rows() -> None:
    assert by_species({"a": np.zeros(0)}, np.zeros(0, dtype=int), ["x"]) == {}
