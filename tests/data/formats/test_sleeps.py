"""An event across a sleep of the recorder is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.core.types import Event
from finback.data.formats.sleeps import slept_s
from finback.data.formats.write import write_events

START = datetime(2024, 1, 1, tzinfo=UTC)
# 75 s without a gap, then 600 s of sleep.
SCHEDULE = (
    (0, START),
    (75_000, START + timedelta(seconds=75.001)),
    (150_000, START + timedelta(seconds=750)),
)


@dataclass(frozen=True)
class Harp:
    path: str = "a.x.wav"
    sample_rate: int = 1000
    n_samples: int = 225_000
    schedule: tuple[tuple[int, datetime], ...] = SCHEDULE


@pytest.mark.parametrize(
    ("start", "stop", "slept"),
    [
        (0, 75_000, 0),
        (70_000, 80_000, 0),
        (140_000, 150_000, 0),
        (149_999, 150_001, 599.999),
        (0, 225_000, 599.999),
    ],
)
def test_seconds_slept_between_two_samples(start: int, stop: int, slept: float) -> None:
    assert slept_s(SCHEDULE, 1000, start, stop) == pytest.approx(slept)
    assert slept_s((), 1000, start, stop) == 0


def test_an_event_across_a_sleep_is_not_written(tmp_path: Path) -> None:
    write_events("csv", tmp_path, [Event("a.x.wav", 149, 150, "x"), Event("b.wav", 149, 151, "x")], [Harp()])
    with pytest.raises(InputError, match=r"from 149 to 151 s spans 599\.999 s in which"):
        write_events("csv", tmp_path / "other", [Event("a.x.wav", 149, 151, "x")], [Harp()])
    assert not (tmp_path / "other").exists()
