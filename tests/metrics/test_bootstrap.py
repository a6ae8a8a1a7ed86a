"""Whole groups are drawn, and degenerate cases follow the written rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.metrics import bootstrap


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_each_draw_holds_as_many_groups_as_there_are(n_groups, n_boot, seed):
    draws = bootstrap.draw_groups(n_groups, n_boot, seed)
    assert draws.shape == (n_boot, n_groups)
    assert (draws.sum(axis=1) == n_groups).all()
    assert (draws >= 0).all()


def test_draws_repeat_with_their_seed_and_only_with_it():
    assert np.array_equal(bootstrap.draw_groups(20, 50, seed=0), bootstrap.draw_groups(20, 50, seed=0))
    assert not np.array_equal(bootstrap.draw_groups(20, 50, seed=0), bootstrap.draw_groups(20, 50, seed=1))


def test_percentiles_of_a_known_ladder():
    assert bootstrap.percentiles(np.arange(101.0), level=0.9) == pytest.approx([5, 95])


def test_undefined_draws_are_left_out_until_they_are_the_majority():
    assert bootstrap.percentiles(np.array([1.0, 1.0, np.nan])) == [1, 1]
    assert bootstrap.percentiles(np.array([1.0, np.nan, np.nan])) is None
    assert bootstrap.percentiles(np.array([])) is None


def test_one_group_gives_no_interval():
    assert bootstrap.interval(lambda w: float(w.mean()), ["tape"] * 9) is None


def test_clips_of_one_tape_rise_and_fall_together():
    """One tape all right, one all wrong: the accuracy of a draw is 0, 1/2 or 1."""
    right = np.array([1.0] * 50 + [0.0] * 50)
    found = bootstrap.interval(lambda w: float(np.average(right, weights=w)), ["a"] * 50 + ["b"] * 50)
    assert found == [0, 1]


def test_interval_of_a_mean_agrees_with_the_central_limit():
    right = (np.arange(400) % 4 == 0).astype(float)  # 400 tapes of one clip, a quarter right
    low, high = bootstrap.interval(
        lambda w: float(np.average(right, weights=w)), [str(i) for i in range(400)]
    )
    half = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert [low, high] == pytest.approx([0.25 - half, 0.25 + half], abs=0.006)


def test_codes_follow_the_names():
    codes, n_groups = bootstrap.group_codes(["b", "a", "b"])
    assert codes.tolist() == [1, 0, 1]
    assert n_groups == 2
