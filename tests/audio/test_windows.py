"""Windows: equal spans, nothing left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.audio.windows import windows
from finback.core.errors import AudioError, SettingsError


def test_the_standard_clip_over_ten_seconds() -> None:
    spans = windows(220_500, 66_150, 57_344)
    assert spans == [(0, 66_150), (51_450, 117_600), (102_900, 169_050), (154_350, 220_500)]


@pytest.mark.parametrize("n", [1, 99, 100])
def test_a_short_sound_is_one_span_of_its_own_length(n: int) -> None:
    assert windows(n, 100, 50) == [(0, n)]


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 200_000), st.integers(1, 5_000), st.data())
def test_cover_everything(n: int, window: int, data: st.DataObject) -> None:
    advance = data.draw(st.integers(max(1, window // 4), window))
    spans = windows(n, window, advance)
    assert spans[0][0] == 0
    assert spans[-1][1] == n
    assert all(type(edge) is int for span in spans for edge in span)
    assert {stop - start for start, stop in spans} == {min(n, window)}
    steps = [b[0] - a[0] for a, b in pairwise(spans)]
    assert all(0 < step <= advance for step in steps)  # sorted, no gap
    assert not steps or max(steps) - min(steps) <= 1  # evenly spread
    assert len(spans) == 1 + max(0, -(-(n - window) // advance))  # no more than needed


def test_refusals() -> None:
    with pytest.raises(AudioError, match="no windows over 0"):
        windows(0, 10, 5)
    for advance in (0, 11):
        with pytest.raises(SettingsError, match="cannot advance"):
            windows(100, 10, advance)
