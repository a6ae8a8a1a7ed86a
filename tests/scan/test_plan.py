"""Spans and units: laws that hold for all files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scanned import file_of, header

from finback.scan.grid import Grid
from finback.scan.plan import LONGEST_MINUTES, MINUTES, minutes_for, seconds_of, spans_of, units

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=30)


@settings(deadline=None, max_examples=50)
@given(lengths, st.floats(0.2, 20), st.sampled_from(["mean", "each"]))
def test_spans_tile_each_channel_and_units_hold_them_in_order(
    windows: list[int], minutes: float, channels: str
) -> None:
    head = header(channels=channels)
    files = [file_of(f"{i:02}.wav", n, n_channels=1 + i % 2) for i, n in enumerate(windows)]
    spans = [span for file in files for span in spans_of(file, head, minutes)]
    for file in files:
        own = [span for span in spans if span.file == file]
        for channel in {span.channel for span in own}:
            parts = [span for span in own if span.channel == channel]
            assert [s.first for s in parts] == [0, *(s.last for s in parts[:-1])]
            assert parts[-1].last == Grid.of(parts[-1]).n_windows
            assert sum(map(seconds_of, parts)) == pytest.approx(file.n_samples / file.sample_rate)
    bundled = list(units(spans, minutes))
    assert [span for unit in bundled for span in unit.spans] == spans
    assert len({unit.key for unit in bundled}) == len(bundled)
    for unit in bundled:
        assert unit.seconds <= 60 * minutes + max(map(seconds_of, spans)) + 2


def test_a_day_and_many_short_files() -> None:
    head = header()
    day = list(spans_of(file_of("day.wav", 86_399), head))
    assert len(list(units(day))) == 144
    short = [s for i in range(1000) for s in spans_of(file_of(f"{i}.wav", 2), head)]
    assert len(list(units(short))) == 5


def test_duty_cycles_are_bundled() -> None:
    t = datetime(2020, 1, 1, tzinfo=UTC)
    file = file_of("a.x.wav", 599, schedule=tuple((75_000 * i, t) for i in range(8)))
    spans = list(spans_of(file, header()))
    assert len(spans) == 8
    assert len(list(units(spans))) == 1


def test_a_key_does_not_depend_on_the_state_of_a_file() -> None:
    one, other = (next(units(spans_of(file_of("a.wav", 9, modified_ns=i), header()))) for i in (1, 2))
    assert one.key == other.key


def test_large_archives_have_longer_units(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with open(path, "wb") as file:
        file.truncate(4 << 30)
    assert minutes_for([str(path)]) == MINUTES
    assert minutes_for([str(path)] * 1000) == 2 * MINUTES
    assert minutes_for([str(path)] * 1_000_000) == LONGEST_MINUTES
    assert minutes_for(["gone.wav"]) == MINUTES
    assert minutes_for([]) == MINUTES
