"""Effort: every sample is of one kind, hours add up to files, a sleep is neither effort nor skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scanned import file_of

from finback.core.types import Labels
from finback.scan.effort import (
    EFFORT_KINDS,
    MICRO,
    N_KINDS,
    Coverage,
    Kind,
    coverage_of,
    heard_utc,
    hours_of,
    total_us,
)
from finback.scan.spans import Fault, FileState, Problem, ScannedFile, ScoredSound

START = datetime(2009, 3, 29, 12, 15, tzinfo=UTC)


def sound_of(file: ScannedFile, faults: list[int], hop: int, first: int = 0) -> ScoredSound:
    """Windows of two hops from sample `first` on, with these faults of their cells."""
    n = len(faults)
    start = first + hop * np.arange(n)
    cell_stop = np.append(start[1:], start[-1] + 2 * hop)
    return ScoredSound(
        file,
        None,
        Labels(("a", "b")),
        start,
        start + 2 * hop,
        cell_stop,
        np.zeros((n, 2), np.float32),
        np.array(faults, np.uint8),
    )


def seconds(coverage: Coverage) -> dict[str, float]:
    us = total_us(coverage)
    return {kind.name: int(us[kind]) / MICRO for kind in Kind if us[kind]}


def test_each_cell_counts_once_by_its_first_fault() -> None:
    file = file_of("a.wav", 6)  # 7 s, cells of 1 s and a last one of 2 s
    marks = [0, Fault.SILENT | Fault.CLIPPED, Fault.CLIPPED | Fault.OFFSET, Fault.DROPOUT, Fault.OFFSET, 0]
    found = coverage_of(FileState(file), None, sound_of(file, [int(m) for m in marks], 1000))
    expected = {"ANALYSED": 3.0, "OFFSET": 1.0, "SILENT": 1.0, "DROPOUT": 1.0, "CLIPPED": 1.0}
    assert seconds(found) == expected


def test_what_is_missing_has_its_reason() -> None:
    file = file_of("a.wav", 9)  # 10 s
    part = sound_of(file, [0, 0], 1000)  # the cells up to 3 s
    damaged = Problem(file, None, 5000, 7000, "damaged")
    found = coverage_of(FileState(file), None, part, [damaged])
    assert seconds(found) == {"ANALYSED": 3.0, "UNREADABLE": 2.0, "NOT_YET": 5.0}
    skipped = coverage_of(FileState(file, "too low", was_skipped=True), None, None)
    assert seconds(skipped) == {"BAND_MISSING": 10.0}
    no_channel = coverage_of(FileState(file, "no channel 3"), None, None)
    assert seconds(no_channel) == {"UNREADABLE": 10.0}


def test_a_file_that_cannot_be_opened_has_no_effort() -> None:
    found = coverage_of(FileState(ScannedFile("a.wav", 0, 0, "", 0, 0, 0), "not a sound file"), None, None)
    assert not total_us(found).any()
    assert list(hours_of(found)) == []


def test_hours_are_those_of_utc_or_of_the_file() -> None:
    file = file_of("a.wav", 7199, start_time=START)  # 2 h from 12:15
    found = list(hours_of(coverage_of(FileState(file), None, sound_of(file, [0] * 7199, 1000))))
    assert [(row.hour, int(row.microseconds.sum()) // MICRO) for row in found] == [
        (datetime(2009, 3, 29, hour, tzinfo=UTC), s) for hour, s in ((12, 2700), (13, 3600), (14, 900))
    ]
    unknown = file_of("a.wav", 7199)
    rows = list(hours_of(coverage_of(FileState(unknown), None, None)))
    assert [(row.hour, row.hour_of_file) for row in rows] == [(None, 0), (None, 1)]


def test_a_sleep_of_the_recorder_is_neither_effort_nor_skipped() -> None:
    schedule = ((0, START), (4000, START + timedelta(hours=1)))
    file = file_of("a.wav", 7, schedule=schedule, start_time=START)  # 8 s of recording in two cycles
    whole = sound_of(file, [0] * 7, 1000)
    found = coverage_of(FileState(file), None, whole)
    rows = list(hours_of(found))
    assert [(row.hour.hour if row.hour else None, int(row.microseconds.sum())) for row in rows] == [
        (12, 4 * MICRO),
        (13, 4 * MICRO),
    ]
    first, second = heard_utc([found])
    assert second[0] - first[0] == 3600 * MICRO
    assert first[1] - first[0] == second[1] - second[0] == 4 * MICRO


FAULTS = st.lists(st.sampled_from([0, 1, 2, 4, 8, 16, 9, 12, 6]), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    faults=FAULTS,
    rate=st.sampled_from([10, 37, 1000, 44_100, 48_000, 500_000]),
    first=st.integers(0, 5000),
    after=st.integers(0, 5000),
    spots=st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)), max_size=3),
    cycles=st.lists(st.integers(1, 20_000), max_size=4),
    is_timed=st.booleans(),
    step_us=st.integers(0, 4000 * MICRO),
)
def test_columns_and_hours_add_up_exactly(
    faults: list[int],
    rate: int,
    first: int,
    after: int,
    spots: list[tuple[int, int]],
    cycles: list[int],
    is_timed: bool,
    step_us: int,
) -> None:
    hop = 997
    n = first + hop * (len(faults) + 1) + after
    starts = sorted({c for c in cycles if c < n} | {0})
    sleep = timedelta(microseconds=step_us)
    schedule = tuple(
        (s, START + timedelta(microseconds=s * MICRO // rate) + i * sleep) for i, s in enumerate(starts)
    )
    file = file_of("a.wav", 1, rate, n_samples=n, start_time=START if is_timed else None)
    if is_timed and len(schedule) > 1:
        file = file_of("a.wav", 1, rate, n_samples=n, start_time=START, schedule=schedule)
    problems = [Problem(file, None, min(a, b, n), min(max(a, b), n), "damaged") for a, b in spots]
    found = coverage_of(FileState(file), None, sound_of(file, faults, hop, first), problems)
    assert int(found.samples().sum()) == n
    assert all(a != b for a, b in pairwise(found.kinds))
    rows = list(hours_of(found))
    assert (sum(row.microseconds for row in rows) == total_us(found)).all()
    assert all((row.microseconds >= 0).all() and len(row.microseconds) == N_KINDS for row in rows)
    assert abs(int(total_us(found).sum()) - n * MICRO / rate) <= N_KINDS
    if not is_timed:
        assert heard_utc([found]) == []
    elif len(schedule) == 1:
        heard = sum(b - a for a, b in heard_utc([found]))
        stretches = len(found.kinds)
        assert abs(heard - sum(int(total_us(found)[kind]) for kind in EFFORT_KINDS)) <= 2 * stretches + 2
