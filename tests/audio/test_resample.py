"""Resampling: exact lengths, calls keep pitch and place, a stream equals one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.audio.resample import length, padded, resample, resample_rows, resample_stream
from finback.core.errors import SettingsError

RATES = [10, 1000, 2000, 5120, 8000, 22_050, 44_100, 48_000, 96_000, 166_600, 500_000, 1_000_000]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4000), st.sampled_from(RATES), st.sampled_from(RATES))
def test_length_is_the_ceiling(n: int, rate_in: int, rate_out: int) -> None:
    n = min(n, 1 + 400_000 * rate_in // rate_out)  # keep the result small
    got = resample(np.ones(n, np.float32), rate_in, rate_out)
    assert got.dtype == np.float32
    assert len(got) == -(-n * rate_out // rate_in) == length(n, rate_in, rate_out)
    assert np.isfinite(got).all()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=8),
    st.sampled_from(RATES[2:]),
    st.sampled_from(RATES[2:]),
    st.integers(0, 2**32 - 1),
)
def test_stream_equals_one_piece(sizes: list[int], rate_in: int, rate_out: int, seed: int) -> None:
    if rate_out > 50 * rate_in:
        sizes = [size // 20 for size in sizes]  # keep the result small
    x = np.random.default_rng(seed).uniform(-1, 1, sum(sizes)).astype(np.float32)
    pieces = np.split(x, np.cumsum(sizes)[:-1])
    joined = np.concatenate([np.zeros(0, np.float32), *resample_stream(pieces, rate_in, rate_out)])
    whole = resample(x, rate_in, rate_out)
    assert joined.shape == whole.shape
    np.testing.assert_allclose(joined, whole, atol=1e-5)


@pytest.mark.parametrize(("rate_in", "rate_out"), [(44_100, 22_050), (2000, 22_050), (166_600, 22_050)])
def test_a_call_keeps_its_pitch_and_its_place(rate_in: int, rate_out: int) -> None:
    def call(rate: int) -> np.ndarray:
        t = np.arange(rate) / rate
        return (np.exp(-(((t - 0.4) / 0.05) ** 2)) * np.sin(2 * np.pi * 440 * t)).astype(np.float32)

    np.testing.assert_allclose(resample(call(rate_in), rate_in, rate_out), call(rate_out), atol=2e-4)


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    t = np.arange(96_000) / 96_000
    whistle = np.sin(2 * np.pi * 15_000 * t).astype(np.float32)
    assert np.abs(resample(whistle, 96_000, 22_050)[500:-500]).max() < 1e-4


@given(
    n_rows=st.integers(1, 9),
    n=st.integers(1, 3000),
    rate_in=st.sampled_from(RATES),
    rate_out=st.sampled_from([500, 2000, 22_050, 48_000]),
)
@settings(deadline=None)
def test_several_sounds_are_resampled_as_each_alone(n_rows: int, n: int, rate_in: int, rate_out: int) -> None:
    if rate_out > 50 * rate_in:
        n = 1 + n // 20
    room = padded(n_rows, n, rate_in, rate_out)
    room[:, :n] = np.random.default_rng(n).uniform(-1, 1, (n_rows, n))
    alone = np.stack([resample(row, rate_in, rate_out) for row in room[:, :n]])
    assert np.array_equal(resample_rows(room, n, rate_in, rate_out), alone)


def test_same_rate_is_a_copy() -> None:
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    got = resample(x, 8000, 8000)
    assert np.array_equal(got, x)
    got[:] = 0
    assert x[0] == -1
    assert np.array_equal(np.concatenate(list(resample_stream([x[:20], x[20:]], 8000, 8000))), x)


def test_nothing_in_nothing_out() -> None:
    assert resample(np.zeros(0, np.float32), 8000, 2000).shape == (0,)
    assert list(resample_stream([], 8000, 2000)) == []


def test_refuses_impossible_rates() -> None:
    with pytest.raises(SettingsError, match="cannot resample"):
        resample(np.ones(5, np.float32), 0, 8000)
    with pytest.raises(SettingsError, match="cannot resample"):
        list(resample_stream([np.ones(5, np.float32)], 8000, -1))
