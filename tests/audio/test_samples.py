"""Samples by position: the same of a file, an array and a stream; a stream keeps no more than it must."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.audio.io import blocks, open_recording, write
from finback.audio.samples import ArraySamples, FileSamples, StreamSamples
from finback.audio.windows import regular_windows
from finback.core.errors import AudioError, SettingsError


@pytest.mark.parametrize("n_channels", [1, 2, 9])
@pytest.mark.parametrize("channel", [None, 0])
def test_a_file_an_array_and_a_stream_read_alike(
    n_channels: int, channel: int | None, tmp_path: Path
) -> None:
    x = np.random.default_rng(0).normal(0, 0.1, (5000, n_channels)).astype(np.float32)
    path = tmp_path / "a.wav"
    write(path, x, 2000, "FLOAT")
    file = FileSamples(open_recording(path), channel)
    array = ArraySamples(x.T, 2000, channel)
    stream = StreamSamples((x[i : i + 777].T for i in range(0, 5000, 777)), 2000, channel)
    of_file = StreamSamples(blocks(path, 1000, channel=channel), 2000)
    assert file.n_samples == array.n_samples == 5000
    for start, stop in ((0, 10), (3, 2500), (2400, 2401), (2499, 5000)):
        assert stream.reaches(stop)
        assert of_file.reaches(stop)
        for other in (array, stream, of_file):
            assert np.array_equal(file.read(start, stop), other.read(start, stop))
    assert not any(sound.reaches(5001) for sound in (file, array, stream, of_file))


def test_a_stream_without_end_keeps_what_was_not_forgotten() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield np.full(100, taken, dtype=np.float32)

    stream = StreamSamples(endless(), 1000)  # type: ignore[arg-type]
    for start in range(0, 100_000, 250):
        assert stream.reaches(start + 300)
        assert stream.read(start, start + 300)[0] == start // 100 + 1
        stream.forget(start)
        assert len(stream._kept._x) <= 16 * 100  # room for 16 blocks, whatever went by
    assert taken <= 1004  # no block was taken before it was needed
    with pytest.raises(ValueError, match="of a stream that keeps"):
        stream.read(0, 10)


@pytest.mark.parametrize(
    ("samples", "rate", "problem"),
    [
        (np.zeros((2, 3, 4)), 1000, r"shape \(2, 3, 4\)"),
        (np.zeros(10, dtype=np.int16), 1000, "divide integers by full scale"),
        (np.array([0.0, np.nan]), 1000, "NaN"),
        (np.zeros(0), 1000, "without samples"),
        (np.zeros(10), 5, "sample rate 5 Hz"),
        (np.zeros(10), 44_100.5, "whole number"),
    ],
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, rate: int, problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        ArraySamples(samples, rate)


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(AudioError, match="there are 2, counted from 0"):
        ArraySamples(np.zeros((2, 10)), 1000, channel=2)


@given(n=st.integers(1, 500), window=st.integers(1, 100), share=st.floats(0.01, 1))
def test_regular_windows_leave_no_sample_out(n: int, window: int, share: float) -> None:
    advance = max(1, round(window * share))
    found = list(regular_windows(lambda k: k <= n, window, advance))
    assert found[0][0] == 0
    assert found[-1][1] == n
    assert all(start == i * advance for i, (start, _) in enumerate(found[:-1]))
    assert all(b[0] <= a[1] for a, b in pairwise(found))
    assert all(stop - start == min(window, n) for start, stop in found)
    assert len(set(found)) == len(found)


def test_a_hop_longer_than_the_window_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot advance by 11"):
        list(regular_windows(lambda n: n < 100, 10, 11))
    with pytest.raises(AudioError, match="0 samples"):
        list(regular_windows(lambda n: n < 1, 10, 10))
