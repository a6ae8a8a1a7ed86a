"""Regular events: which period they have, and when they have none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from found import START, event
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scanned import file_of

from finback.scan.beats import best_period, on_a_line, on_beat
from finback.scan.machines import LEVEL

Times = NDArray[np.float64]


def beats(period: float, n: int, rng: np.random.Generator, jitter: float = 0.0, kept: float = 1.0) -> Times:
    """A machine with jitter (standard deviation, of the period) that is detected on a share of its beats."""
    times = np.arange(n) * period + rng.normal(0, jitter * period, n)
    return np.asarray(times[rng.random(n) < kept])


@pytest.mark.parametrize(
    ("period", "jitter", "kept", "calls"),
    [
        (30, 0.02, 0.7, 1.0),
        (30, 0.01, 0.5, 3.0),
        (12, 0.05, 0.9, 0.2),
        (300, 0.01, 0.9, 1.0),
        (61, 0.02, 0.4, 0.5),
    ],
)
def test_a_machine_among_calls_is_found(period: float, jitter: float, kept: float, calls: float) -> None:
    rng = np.random.default_rng(1)
    machine = beats(period, 1000, rng, jitter, kept)
    whales = rng.uniform(0, 1000 * period, int(len(machine) * calls))
    line = np.concatenate([machine, whales])
    beat = best_period(line, 0.1, 1.0, LEVEL)
    assert beat is not None
    assert beat.period_s == pytest.approx(period, rel=0.02)
    assert beat.p < 1e-6
    on = on_beat(line, beat.period_s, beat.tolerance_s)
    assert on[: len(machine)].mean() > 0.6  # with four of ten beats detected; else more
    assert on[len(machine) :].mean() < 0.3


def random_calls(kind: str, rng: np.random.Generator) -> Times:
    """Calls without a machine: at random, in bouts of changing rate, or dense with a shortest distance."""
    if kind == "random":
        return rng.uniform(0, 86_400, int(rng.choice([50, 500, 5000])))
    if kind == "bouts":
        starts = rng.uniform(0, 86_400, 30)
        steps = rng.exponential(300, (30, 40)) * rng.uniform(0.02, 1, (30, 1))
        return np.asarray((starts[:, None] + steps.cumsum(axis=1)).ravel())
    dead = rng.uniform(2, 6)
    intervals = dead + rng.exponential(dead / rng.choice([0.2, 1, 2]), 1000)
    times = intervals.cumsum()
    return np.unique(np.round(times)) if kind == "grid" else times


@pytest.mark.parametrize("kind", ["random", "bouts", "dense", "grid"])
def test_calls_without_a_machine_are_proposed_no_more_often_than_stated(kind: str) -> None:
    found = [
        best_period(
            random_calls(kind, np.random.default_rng(seed)), 1.0 if kind == "grid" else 0.1, 2.0, LEVEL
        )
        for seed in range(200)
    ]
    assert sum(beat is not None for beat in found) <= 200 * LEVEL


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 2000), shift=st.floats(0, 1e6))
def test_the_answer_does_not_depend_on_order_or_zero(seed: int, n: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    line = rng.uniform(0, 10_000, n)
    on = on_beat(line, 17.0, 0.5)
    assert np.array_equal(on_beat(line[::-1], 17.0, 0.5), on[::-1])
    assert on_beat(np.concatenate([line, [1e8]]), 17.0, 0.5).sum() == on.sum()
    assert abs(int(on_beat(line + shift, 17.0, 0.5).sum()) - int(on.sum())) <= 2


def test_only_sound_without_a_break_is_compared() -> None:
    """A recorder that wakes every five minutes makes all sounds regular."""
    rng = np.random.default_rng(2)
    duty = []
    for k in range(300):
        file = replace(file_of(f"d/{k:03}.wav", 29), start_time=START + timedelta(minutes=5 * k))
        duty.append(event("x", float(rng.uniform(1, 28)), file=file, stretch=(0, 30_000)))
    assert best_period(on_a_line(duty), 0.1, 2.0, LEVEL) is None


def test_recordings_that_follow_each_other_are_one() -> None:
    minutes = [
        replace(file_of(f"d/{k:03}.wav", 59), start_time=START + timedelta(minutes=k)) for k in range(40)
    ]
    made = [
        event("x", t % 60, file=minutes[int(t // 60)], stretch=(0, 60_000)) for t in np.arange(3, 2400, 25.0)
    ]
    line = on_a_line(made)
    assert np.diff(line) == pytest.approx(np.full(len(line) - 1, 25.0))
    beat = best_period(line, 0.1, 2.0, LEVEL)
    assert beat is not None
    assert beat.period_s == pytest.approx(25.0, abs=0.3)
    untimed = [replace(e, file=replace(e.file, start_time=None)) for e in made]
    assert np.diff(on_a_line(untimed)).max() > 10_000


def test_a_hundred_thousand_events_are_one_sort(tmp_path: Path) -> None:
    """All distances of a period come from one sorted array; each event is compared with a bounded number."""
    line = np.random.default_rng(6).uniform(0, 3e6, 100_000)
    assert best_period(line, 0.1, 1.0, LEVEL) is None
