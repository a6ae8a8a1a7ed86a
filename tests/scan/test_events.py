"""Events from scores: extents do not depend on the threshold, and no event goes where nothing was heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.core.errors import SettingsError
from finback.core.settings import build
from finback.core.types import Labels
from finback.scan.change_points import SMALL, Joining, step_filter
from finback.scan.context import in_context
from finback.scan.event_settings import ContextRule, EventSettings, FinderSettings
from finback.scan.events import events_of, find_events
from finback.scan.found_events import Box, FoundEvent
from finback.scan.grid import Grid
from finback.scan.score_knots import Spans
from finback.scan.score_series import parts
from finback.scan.spans import Fault, ScannedFile, ScoredSound

RATE, WINDOW, HOP = 1000, 2000, 1000
AT = ((0, 5000), (0, 5000))
LABELS = ("background", "Fin whale", "Sei whale")


def sound(
    *probabilities: float,
    labels: tuple[str, ...] = LABELS,
    faults: list[int] | None = None,
    sleeps_at: tuple[int, ...] = (),
    start_time: datetime | None = None,
    path: str = "/site/a.wav",
) -> ScoredSound:
    """Windows of 2 s every second with these probabilities of the second class, the rest of the first."""
    n = len(probabilities)
    n_samples = WINDOW + (n - 1) * HOP
    zero = datetime(2020, 1, 1, tzinfo=UTC)
    schedule = tuple((at, zero + timedelta(hours=i)) for i, at in enumerate(sleeps_at))
    file = ScannedFile(path, 0, 0, "", RATE, n_samples, 1, start_time=start_time, schedule=schedule)
    grid = Grid(0, n_samples, WINDOW, HOP)
    p = np.clip(np.array(probabilities, dtype=np.float64), 1e-6, 1 - 1e-6)
    others = np.full((n, len(labels) - 2), 1e-9)
    logits = np.log(np.concatenate([(1 - p)[:, None], p[:, None], others], 1)).astype(np.float32)
    marks = np.zeros(n, np.uint8) if faults is None else np.array(faults, np.uint8)
    edges = (grid.starts(0, n), grid.stops(0, n), grid.cell_stops(0, n))
    return ScoredSound(file, None, Labels(labels), *edges, logits, marks)


def found(s: ScoredSound, **settings: object) -> list[tuple[int, int, float]]:
    return [(e.start, e.stop, round(e.score, 2)) for e in find_events(s, build(EventSettings, settings))]


def test_a_call_in_two_windows_lies_where_both_hear_it() -> None:
    assert found(sound(0, 0, 0.9, 0.9, 0, 0)) == [(3000, 4000, 0.9)]


def test_a_call_in_the_middle_of_one_window_is_as_long_as_the_window() -> None:
    assert found(sound(0, 0, 0, 0.9, 0, 0, 0)) == [(3000, 5000, 0.9)]


def test_two_calls_and_one_that_lasts() -> None:
    calls = sound(0, 0.9, 0.9, 0, 0, 0, 0.8, 0.8, 0.8, 0.8, 0, 0)
    assert found(calls) == [(2000, 3000, 0.9), (7000, 10000, 0.8)]


def test_calls_at_both_ends() -> None:
    assert found(sound(0.9, 0, 0, 0, 0.7)) == [(0, 1000, 0.9), (5000, 6000, 0.7)]
    assert found(sound(0.6)) == [(0, 2000, 0.6)]


def test_what_means_no_call_is_not_reported() -> None:
    calls = sound(0, 0.9, 0.9, 0)
    assert {e.label for e in find_events(calls, EventSettings())} == {"Fin whale"}
    assert not find_events(calls, EventSettings(background=("fin_whale",)))
    with pytest.raises(SettingsError, match="--background Ship: the model has no such class"):
        find_events(calls, EventSettings(background=("Ship",)))


def test_neighbours_join_where_the_score_hardly_falls() -> None:
    calls = sound(0, 0.9, 0.9, 0.7, 0.9, 0.9, 0)
    assert len(found(calls, finder={"merge": 0.05})) == 2
    assert len(found(calls, finder={"merge": 0.5})) == 1
    assert len(found(calls, finder={"merge": 0.05, "merge_share": 0.5})) == 1


def test_a_weak_echo_does_not_lengthen_a_call() -> None:
    calls = sound(0, 0.9, 0.9, 0, 0.15, 0.15, 0)
    assert found(calls)[0] == (2000, 3000, 0.9)


@pytest.mark.parametrize("method", ["boxes", "hysteresis", "windows"])
def test_no_event_goes_through_what_was_not_heard(method: str) -> None:
    faults = [0, 0, 0, int(Fault.SILENT), 0, 0]
    events = found(sound(0.9, 0.9, 0.9, 0.9, 0.9, 0.9, faults=faults), method=method, lowest=0.5)
    assert [(a, b) for a, b, _ in events] == [(0, 3000), (4000, 7000)]


@pytest.mark.parametrize("method", ["boxes", "hysteresis", "windows"])
def test_no_event_goes_through_a_sleep(method: str) -> None:
    events = found(sound(0.9, 0.9, 0.9, 0.9, sleeps_at=(0, 2000)), method=method, lowest=0.5)
    assert [(a, b) for a, b, _ in events] == [(0, 2000), (2000, 5000)]


def test_offsets_and_unimportant_faults_are_heard() -> None:
    assert len(found(sound(0.9, 0.9, 0.9, faults=[0, int(Fault.OFFSET), 0]))) == 1


def test_a_cell_that_is_not_analysed_yet_ends_a_stretch() -> None:
    s = sound(0.9, 0.9, 0.9, 0.9, 0.9)
    keep = [0, 1, 3, 4]
    part = ScoredSound(
        s.file, None, s.labels, s.start[keep], s.stop[keep], s.cell_stop[keep], s.logits[keep], s.faults[keep]
    )
    assert [(int(x.edges[0]), int(x.edges[-1])) for x in parts([part])] == [(0, 2000), (3000, 6000)]


def test_hysteresis_and_windows() -> None:
    calls = sound(0, 0.3, 0.9, 0.3, 0, 0, 0.3, 0)
    events = find_events(calls, EventSettings(method="hysteresis", low=0.25), [0.5] * 3)
    assert [(e.start, e.stop) for e in events] == [(2000, 4000)]
    events = find_events(calls, EventSettings(method="windows"), [0.5] * 3)
    assert [(e.start, e.stop) for e in events] == [(2000, 4000)]
    events = find_events(calls, EventSettings(method="windows"), [0.25] * 3)
    assert [(e.start, e.stop) for e in events] == [(1000, 5000), (6000, 8000)]


scores = st.lists(
    st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.52, 0.8, 0.97]) | st.floats(0, 1), min_size=1, max_size=40
)
finders = st.builds(
    FinderSettings, step_s=st.none() | st.floats(0.5, 9), merge=st.floats(0, 1), merge_share=st.floats(0, 1)
)


@given(scores, finders, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["boxes", "hysteresis"]))
def test_a_higher_threshold_only_removes_whole_events(
    p: list[float], finder: FinderSettings, one: float, other: float, method: str
) -> None:
    settings = EventSettings(method=method, finder=finder)  # type: ignore[arg-type]
    low, high = sorted((one, other))
    all_events = find_events(sound(*p), settings, [low] * 3)
    assert find_events(sound(*p), settings, [high] * 3) == [e for e in all_events if e.score >= high]


@given(scores, finders, st.sampled_from(["boxes", "hysteresis", "windows"]), st.data())
def test_events_of_a_class_are_in_order_inside_and_apart(
    p: list[float], finder: FinderSettings, method: str, data: st.DataObject
) -> None:
    marks = data.draw(st.lists(st.sampled_from([0, 0, 0, 1, 16]), min_size=len(p), max_size=len(p)))
    s = sound(*p, faults=marks)
    events = find_events(s, EventSettings(method=method, finder=finder))  # type: ignore[arg-type]
    mine = [e for e in events if e.label == "Fin whale"]
    assert all(0 <= e.start < e.stop <= s.file.n_samples for e in mine)
    assert all(a.stop <= b.start for a, b in pairwise(mine))
    unheard = np.zeros(s.file.n_samples, bool)
    for a, b, mark in zip(s.start, s.cell_stop, marks, strict=True):
        unheard[a:b] = mark != 0
    assert not any(unheard[e.start : e.stop].any() for e in mine)
    assert all(0 < e.mean_score <= e.score <= 1 for e in mine)
    assert all(e.stretch[0] <= e.reach[0] <= e.start < e.stop <= e.reach[1] <= e.stretch[1] for e in mine)
    assert all(a.reach[1] <= b.reach[0] for a, b in pairwise(mine))


@given(scores, finders)
def test_a_sound_backwards_has_the_same_events_backwards(p: list[float], finder: FinderSettings) -> None:
    settings, end = EventSettings(finder=finder, lowest=0.01), sound(*p).file.n_samples
    ahead = [e for e in find_events(sound(*p), settings) if e.label == "Fin whale"]
    back = [e for e in find_events(sound(*reversed(p)), settings) if e.label == "Fin whale"]
    assert len(ahead) == len(back)
    if len({round(x, 6) for x in p}) == len(p) and all(abs(a - b) > 1e-5 for a, b in pairwise(valleys(p))):
        assert sorted((end - e.stop, end - e.start) for e in back) == [(e.start, e.stop) for e in ahead]


def valleys(p: list[float]) -> list[float]:
    return sorted([*p, *((a + b) / 2 for a, b in pairwise(p))])


def in_sections(s: ScoredSound, cuts: list[int]) -> Iterator[ScoredSound]:
    for first, last in pairwise([0, *sorted(cuts), len(s.start)]):
        own = slice(first, last)
        places = (s.start[own], s.stop[own], s.cell_stop[own])
        yield ScoredSound(s.file, s.channel, s.labels, *places, s.logits[own], s.faults[own])


@given(scores, finders, st.sampled_from(["boxes", "hysteresis", "windows"]), st.data())
def test_a_sound_in_sections_has_the_events_of_the_whole(
    p: list[float], finder: FinderSettings, method: str, data: st.DataObject
) -> None:
    marks = data.draw(st.lists(st.sampled_from([0] * 9 + [1]), min_size=len(p), max_size=len(p)))
    cuts = data.draw(st.lists(st.integers(0, len(p)), max_size=8))
    sleeps = data.draw(st.sampled_from([(), (), (0, 7000)]))
    s = sound(*p, faults=marks, sleeps_at=sleeps)
    settings = EventSettings(method=method, finder=finder)  # type: ignore[arg-type]
    for thresholds in (None, [data.draw(st.floats(0, 1))] * 3):
        whole = find_events(s, settings, thresholds)
        assert list(events_of(in_sections(s, cuts), settings, thresholds)) == whole


def joined_one_by_one(peak: list[float], low: list[float], finder: FinderSettings) -> list[tuple[int, int]]:
    """First and last box of each event: gaps from the highest down, of equal ones the first one first."""
    groups = [[i] for i in range(len(peak))]
    for gap in sorted(range(len(low)), key=lambda i: -low[i]):
        before = next(g for g in groups if gap in g)
        after = next(g for g in groups if gap + 1 in g)
        higher = max(peak[i] for i in before + after)
        if higher - low[gap] < finder.merge - SMALL or low[gap] > finder.merge_share * higher + SMALL:
            groups.remove(after)
            before += after
    return [(g[0], g[-1]) for g in groups]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30), finders, st.data())
def test_gaps_are_decided_from_the_highest_down(
    drawn: list[tuple[int, int]], finder: FinderSettings, data: st.DataObject
) -> None:
    peak = [max(a, b) / 10 for a, b in drawn]
    low = [min(a, b) / 10 for a, b in drawn]  # of the gap before each box
    n = len(peak)
    at, zeros = np.arange(n), np.zeros((n, 6), np.int64)
    x, y = np.array(peak), np.array(low)
    boxes = Spans(10 * at, 10 * at + 5, x, x, x, x, zeros, zeros)
    gaps = Spans(10 * at - 5, 10 * at, y, y, y, y, zeros, zeros)
    joining, found = Joining(finder), []
    for first, last in pairwise([0, *sorted(data.draw(st.lists(st.integers(0, n), max_size=5))), n]):
        own, is_last = slice(first, last), last == n and first < n
        events = joining.add(boxes.part(own), gaps.part(own), is_last)
        found += list(zip(events.start.tolist(), events.stop.tolist(), strict=True))
    wanted = [(10 * a, 10 * b + 5) for a, b in joined_one_by_one(peak, low[1:], finder)]
    assert found == wanted


def test_a_score_that_creeps_up_and_falls_at_once_moves_no_event() -> None:
    """Changes below the rounding of scores are none, so the first that counts may be a fall."""
    creeping = [1e-6 + 3e-7 * i for i in range(40)]
    assert found(sound(*creeping, *[1e-6] * 5, 0.9, 0.9, 0, 0, 0.8, 0.8, 0, 0)) == [
        (46_000, 47_000, 0.9),
        (50_000, 51_000, 0.8),
    ]


def test_the_step_filter_is_the_difference_of_two_means() -> None:
    edges = np.array([0, 10, 20, 30, 35])
    area = np.cumsum(np.diff(edges, prepend=0) * [0.0, 0.0, 1.0, 0.0, 0.5])
    rise = step_filter(edges, area, 10.0, edges)
    assert rise.tolist() == pytest.approx([0.0, 1.0, -1.0, 0.25, -0.25])


def test_context_needs_company_within_the_hour() -> None:
    zero = datetime(2020, 1, 1, tzinfo=UTC)

    def event(
        minute: float, path: str = "/a/x.wav", label: str = "Fin whale", utc: bool = True
    ) -> FoundEvent:
        file = ScannedFile(path, 0, 0, "", RATE, 10**9, 1, start_time=zero if utc else None)
        start = round(minute * 60 * RATE)
        return FoundEvent(file, None, label, start, start + 500, 0.9, 0.9, (start, start + 500), (0, 10**9))

    rule = ContextRule.parse("3/60min")
    assert rule == ContextRule(least=3, within_s=3600)
    company = [event(0), event(30), event(60)]
    assert in_context([*company, event(200)], rule) == company
    assert not in_context([event(0), event(30), event(61)], rule)
    assert not in_context([event(0), event(1), event(2, label="Sei whale")], rule)
    assert len(in_context([event(0), event(1, "/a/y.wav"), event(2, "/a/z.wav")], rule)) == 3
    assert not in_context([event(0), event(1, "/b/y.wav"), event(2, "/b/z.wav")], rule)
    assert not in_context([event(0, utc=False), event(1, "/a/y.wav"), event(2, "/a/z.wav")], rule)
    for wrong in ("3", "0/60min", "3/", "3/-1h", "x/1h", "3/1d", "3/99999h"):
        with pytest.raises(SettingsError, match="--context"):
            ContextRule.parse(wrong)
    assert ContextRule.parse("2/h") == ContextRule(least=2, within_s=3600)


def test_an_event_in_seconds_and_utc() -> None:
    zero = datetime(2020, 1, 1, tzinfo=UTC)
    schedule = ((0, zero), (2000, zero + timedelta(hours=1)))
    file = ScannedFile("a.wav", 0, 0, "", RATE, 5000, 1, zero, schedule)
    event = FoundEvent(file, 1, "Fin whale", 1000, 2000, 0.9, 0.8, *AT).to_event()
    assert (event.start_s, event.stop_s, event.channel) == (1.0, 2.0, 1)
    assert event.start_time == zero + timedelta(seconds=1)
    assert event.stop_time == zero + timedelta(seconds=2)
    boxed = FoundEvent(
        file, 1, "x", 2000, 4000, 0.9, 0.8, *AT, (), Box(2500, 3000, 20.0, 30.0, 6.0)
    ).to_event()
    assert (boxed.start_s, boxed.stop_s, boxed.low_hz, boxed.snr_db) == (2.5, 3.0, 20.0, 6.0)
    assert boxed.start_time == zero + timedelta(hours=1, seconds=0.5)


def test_settings_are_bounded() -> None:
    with pytest.raises(SettingsError, match="longest duration"):
        build(EventSettings, {"min_duration_s": 2.0, "max_duration_s": 1.0})
    with pytest.raises(SettingsError):
        build(EventSettings, {"lowest": 0.0})
