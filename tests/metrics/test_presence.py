"""Presence and calibration of events, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.metrics.bootstrap import rate_interval, share_interval
from finback.metrics.presence import FEWEST, calibration_error, presence_rates, reliability, score_bins


def test_rates_by_hand() -> None:
    true = np.array([1, 1, 0, 0, 1], dtype=bool)
    found = np.array([1, 0, 1, 0, 1], dtype=bool)
    counted = np.array([1, 1, 1, 1, 0], dtype=bool)
    rates = presence_rates(true, found, counted, np.ones((1, 5)))
    assert rates["recall"] == pytest.approx(2 / 3)  # of all cells
    assert rates["precision"] == 0.5  # of the annotated ones
    assert rates["accuracy"] == 0.5
    none = presence_rates(~counted & False, found & False, counted, np.ones((1, 5)))
    assert np.isnan([none["recall"][0], none["precision"][0]]).all()
    assert none["accuracy"] == 1


@given(st.lists(st.integers(0, 9), max_size=300))
def test_bins_hold_enough_scores_in_order(scores: list[int]) -> None:
    values = np.array(scores, dtype=float)
    bins = score_bins(values)
    if len(values) < FEWEST:
        assert (bins == -1).all()
        return
    order = np.argsort(values, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    assert set(bins) == set(range(bins.max() + 1))
    for value in set(scores):
        assert len(set(bins[values == value])) == 1


def test_scores_that_differ_have_bins_of_equal_size() -> None:
    assert np.bincount(score_bins(np.random.default_rng(0).random(100))).tolist() == [20] * 5


def test_calibration_error_by_hand() -> None:
    scores = np.repeat([0.25, 0.75], 20)
    hits = np.array([True] * 10 + [False] * 10 + [True] * 20)
    total, mean, share = reliability(scores, hits, score_bins(scores), np.ones((1, 40)))
    assert total.tolist() == [[20, 20]]
    assert mean.tolist() == [[0.25, 0.75]]
    assert share.tolist() == [[0.5, 1]]
    assert calibration_error(total, mean, share) == pytest.approx(0.25)


def test_a_share_of_all_groups_is_not_certain() -> None:
    draws = np.ones(100)
    assert share_interval(draws, 1.0, 5) == [pytest.approx(0.025**0.2), 1]
    assert share_interval(1 - draws, 0.0, 5) == [0, pytest.approx(1 - 0.025**0.2)]
    assert share_interval(draws, 1.0, 1) is None
    assert share_interval(draws, float("nan"), 5) is None
    assert share_interval(np.linspace(0, 1, 101), 0.5, 5) == pytest.approx([0.025, 0.975])


def test_a_rate_of_nothing_has_an_upper_end() -> None:
    assert rate_interval(np.zeros(9), 0.0, 10.0) == [0, pytest.approx(0.36889, abs=1e-5)]
    assert rate_interval(np.zeros(9), float("nan"), 10.0) is None
    assert rate_interval(np.linspace(1, 2, 101), 1.5, 10.0) == pytest.approx([1.025, 1.975])
