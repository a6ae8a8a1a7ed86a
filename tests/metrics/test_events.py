"""Matching: rules by hand, the largest matching at every threshold against an independent solver."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from finback.core.errors import SettingsError
from finback.metrics.events import EventArrays, MatchRule, candidate_pairs, match_events, parse_rule


def events(*rows: tuple[float, ...], sound: int = 0) -> EventArrays:
    """Events of rows (start, stop[, score])."""
    columns = np.array(rows, dtype=float).reshape(len(rows), -1)
    score = columns[:, 2] if columns.shape[1] > 2 else None
    start, stop = (columns[:, 0], columns[:, 1]) if rows else (np.zeros(0), np.zeros(0))
    return EventArrays(np.full(len(rows), sound), start, stop, score)


def meets(rule: str, true: tuple[float, float], found: tuple[float, float]) -> bool:
    return len(candidate_pairs(events(true), events(found), parse_rule(rule))[0]) == 1


def test_iou_is_shared_time_over_covered_time() -> None:
    assert meets("iou=0.3", (0, 10), (0, 3))  # 3 / 10, at the limit
    assert meets("iou=0.3", (0.7, 1.0), (0.7, 0.79))  # at the limit but for rounding
    assert not meets("iou=0.3", (0, 10), (0, 2.99))
    assert not meets("iou=0.3", (0, 1), (1, 2))
    assert meets("iou=1", (5, 5), (5, 5))


def test_a_collar_compares_starts() -> None:
    assert meets("collar=3s", (10, 12), (13, 20))
    assert meets("collar=3s", (10, 12), (7, 7.5))  # need not overlap
    assert meets("collar=0.2", (0.1, 1), (0.3, 1))
    assert not meets("collar=3s", (10, 20), (13.01, 20))


def test_midpoint_is_of_the_found_event() -> None:
    assert meets("midpoint", (10, 12), (11, 13))
    assert not meets("midpoint", (10, 12), (11.5, 13))
    assert not meets("midpoint", (10, 12), (10, 20))


def test_overlap_shares_time() -> None:
    assert meets("overlap", (10, 12), (11.99, 30))
    assert not meets("overlap", (10, 12), (12, 30))
    assert meets("overlap", (10, 12), (11, 11))
    assert meets("overlap", (10, 10), (9, 11))


def test_bands_must_overlap_only_where_both_are_stated() -> None:
    one, nan = np.zeros(1), np.array([np.nan])
    time_only = (one.astype(int), one, one + 1, None)
    low = EventArrays(*time_only, low_hz=one + 10, high_hz=one + 30)
    high = EventArrays(*time_only, low_hz=one + 31, high_hz=one + 90)
    unknown = EventArrays(*time_only, low_hz=nan, high_hz=nan)
    rule = MatchRule("overlap", bands=True)
    assert len(candidate_pairs(low, high, rule)[0]) == 0
    assert len(candidate_pairs(low, high, MatchRule("overlap"))[0]) == 1
    assert len(candidate_pairs(low, unknown, rule)[0]) == len(candidate_pairs(low, low, rule)[0]) == 1


def test_only_events_of_one_sound_match() -> None:
    matching = match_events(events((0, 1)), events((0, 1, 0.9), sound=1), MatchRule("overlap"))
    assert matching.partner_of_found.tolist() == [-1]
    assert matching.true_score.tolist() == [-np.inf]


@pytest.mark.parametrize(
    "text", ["iou", "iou=0", "iou=1.1", "iou=nan", "collar=-1s", "collar=inf", "iou=0.3s", "x"]
)
def test_an_unknown_rule_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"iou=0\.3, collar=3s, midpoint or overlap"):
        parse_rule(text)


def test_rules_read_as_they_are_written() -> None:
    assert str(parse_rule(" IoU = 0.5 ")) == "iou=0.5"
    assert str(parse_rule("collar=3 s")) == str(parse_rule("collar=3")) == "collar=3s"
    assert str(parse_rule("midpoint", bands=True)) == "midpoint and bands overlap"


def test_one_true_event_counts_once() -> None:
    matching = match_events(events((0, 10)), events((0, 5, 0.5), (5, 10, 0.9)), parse_rule("overlap"))
    assert matching.partner_of_found.tolist() == [-1, 0]
    assert matching.partner_of_true.tolist() == [1]
    assert matching.true_score.tolist() == [0.9]


def test_a_partner_moves_when_this_finds_one_more() -> None:
    # The best-scored event covers the second true event better, but only it can explain the first.
    true, found = events((0, 2), (4, 8)), events((1, 8, 0.9), (5, 8, 0.4))
    matching = match_events(true, found, parse_rule("overlap"))
    assert matching.partner_of_found.tolist() == [0, 1]
    assert matching.true_score.tolist() == [0.4, 0.9]  # at 0.9 it is the second that is found


grid = st.integers(0, 12)
row = st.tuples(st.integers(0, 1), grid, st.integers(0, 6), st.integers(1, 4))
table = st.lists(row, max_size=8)
rules = st.sampled_from(["iou=0.3", "iou=0.5", "collar=2s", "collar=0s", "midpoint", "overlap"])


def arrays(rows: list[tuple[int, int, int, int]]) -> EventArrays:
    sound, start, length, score = np.array(rows, dtype=float).reshape(-1, 4).T
    return EventArrays(sound.astype(int), start, start + length, score / 4)


def meets_by_hand(rule: MatchRule, t: tuple[float, ...], f: tuple[float, ...]) -> bool:
    """The rules again, one pair at a time."""
    shared, covered = min(t[2], f[2]) - max(t[1], f[1]), max(t[2], f[2]) - min(t[1], f[1])
    if t[0] != f[0]:
        return False
    if rule.kind == "iou":
        return (shared / covered if covered else 1.0) >= rule.value
    if rule.kind == "collar":
        return abs(t[1] - f[1]) <= rule.value
    if rule.kind == "midpoint":
        return t[1] <= (f[1] + f[2]) / 2 <= t[2]
    return shared > 0 or (shared == 0 and (t[1] == t[2] or f[1] == f[2]))


@given(table, table, rules)
def test_the_matching_is_the_largest_at_every_threshold(
    true_rows: list[tuple[int, int, int, int]], found_rows: list[tuple[int, int, int, int]], text: str
) -> None:
    true, found, rule = arrays(true_rows), arrays(found_rows), parse_rule(text)
    rows = [list(zip(e.sound, e.start, e.stop, strict=True)) for e in (true, found)]
    allowed = np.array([[meets_by_hand(rule, t, f) for f in rows[1]] for t in rows[0]], dtype=int)
    allowed = allowed.reshape(len(true), len(found))
    matching = match_events(true, found, rule)
    assert found.score is not None
    for threshold in {*found.score.tolist(), 0.0, 2.0}:
        possible = allowed * (found.score >= threshold)
        largest = (maximum_bipartite_matching(csr_array(possible)) >= 0).sum() if possible.size else 0
        assert (matching.true_score >= threshold).sum() == largest
        assert ((matching.partner_of_found >= 0) & (found.score >= threshold)).sum() == largest
    for i, partner in enumerate(matching.partner_of_true):
        assert partner < 0 or (allowed[i, partner] and matching.partner_of_found[partner] == i)


@given(table, table, rules, st.randoms())
def test_the_order_of_rows_changes_no_count(
    true_rows: list[tuple[int, int, int, int]],
    found_rows: list[tuple[int, int, int, int]],
    text: str,
    generator: random.Random,
) -> None:
    rule = parse_rule(text)
    before = match_events(arrays(true_rows), arrays(found_rows), rule)
    generator.shuffle(true_rows)
    generator.shuffle(found_rows)
    after = match_events(arrays(true_rows), arrays(found_rows), rule)
    assert sorted(before.true_score) == sorted(after.true_score)


def test_a_long_chain_of_events_is_matched_without_a_square() -> None:
    # Windows at half overlap against calls that touch: each event has several partners in one long chain.
    n = 20_000
    start = np.arange(n) * 1.5
    true = EventArrays(np.zeros(n // 2, dtype=int), start[::2] + 0.4, start[::2] + 3.7)
    for score in (np.arange(n), -np.arange(n), np.zeros(n)):
        found = EventArrays(np.zeros(n, dtype=int), start, start + 3, score.astype(float))
        assert (match_events(true, found, parse_rule("overlap")).partner_of_true >= 0).all()
