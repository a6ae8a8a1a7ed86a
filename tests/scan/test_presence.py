"""Presence: 1, 0 and NA per hour and day, sites, zones, gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.scan.effort import HOUR_US, MICRO, microseconds
from finback.scan.presence import Detection, Presence, days, site_names, utc_hours

NOON = microseconds(datetime(2009, 3, 29, 12, tzinfo=UTC))
SPECIES = ("Fin whale", "Humpback whale")


def at(minutes: float) -> int:
    return NOON + round(minutes * 60 * MICRO)


def test_absence_needs_effort() -> None:
    presence = Presence(utc_hours(), SPECIES)
    file = [(at(0), at(60)), (at(180), at(190))]
    presence.add("a", file, file, [Detection("Fin whale", at(59), at(61))])
    presence.add("a", [(at(240), at(300))], [], [])  # recorded, all of it skipped
    rows = list(presence.rows())
    assert [row.name[11:13] for row in rows] == ["12", "13", "14", "15", "16"]
    assert [row.values for row in rows] == [(1, 0), (1, None), (None, None), (0, 0), (None, None)]
    assert [row.effort_us // MICRO for row in rows] == [3600, 0, 0, 600, 0]
    assert [row.counts[0] for row in rows] == [1, 1, 0, 0, 0]
    assert [row.values for row in presence.rows(least_s=601)][3] == (None, None)
    assert [row.values for row in presence.rows(least_s=600)][3] == (0, 0)


def test_copies_of_a_recording_count_once_and_sites_are_apart() -> None:
    presence = Presence(utc_hours(), SPECIES)
    for site in ("b", "a", "a"):
        presence.add(site, [(at(0), at(30))], [(at(0), at(30))], [])
    presence.add("a", [(at(20), at(40))], [(at(20), at(40))], [])
    assert [(row.site, row.effort_us // MICRO) for row in presence.rows()] == [("a", 2400), ("b", 1800)]


def test_a_day_of_a_zone_has_its_own_length() -> None:
    zone = ZoneInfo("America/New_York")
    presence = Presence(days(zone), SPECIES)
    start = microseconds(datetime(2009, 3, 7, 20, tzinfo=UTC))
    presence.add("a", [(start, start + 72 * HOUR_US)], [(start, start + 72 * HOUR_US)], [])
    rows = list(presence.rows())
    assert [(row.name, row.effort_us // HOUR_US) for row in rows] == [
        ("2009-03-07", 9),
        ("2009-03-08", 23),  # summer time began
        ("2009-03-09", 24),
        ("2009-03-10", 16),
    ]


@pytest.mark.parametrize("name", ["America/Sao_Paulo", "Asia/Beirut", "Asia/Kolkata", "Pacific/Apia"])
def test_days_follow_each_other_in_every_zone(name: str) -> None:
    bins = days(ZoneInfo(name))
    for hour in range(0, 24 * 800, 1):
        us = microseconds(datetime(2010, 6, 1, tzinfo=UTC)) + hour * HOUR_US
        number = bins.of(us)
        assert bins.start(number) <= us < bins.start(number + 1)


def test_a_wrong_clock_does_not_make_a_million_rows() -> None:
    presence = Presence(utc_hours(), SPECIES)
    for year in (1985, 2009):
        start = microseconds(datetime(year, 1, 1, tzinfo=UTC))
        presence.add("a", [(start, start + HOUR_US)], [(start, start + HOUR_US)], [])
    assert len(list(presence.rows())) == 2
    assert presence.left_out["a"] > 200_000


def test_sites_are_folders_below_the_common_one() -> None:
    paths = ["/data/x/s1/2009/a.wav", "/data/x/s2/a.wav", "/data/x/b.wav"]
    of = site_names(paths, by_folder=True)
    assert [of(path) for path in paths] == ["s1", "s2", "x"]
    assert site_names(paths[:1], by_folder=True)(paths[0]) == "2009"
    assert (
        site_names(["s3://bucket/s1/a.flac", "s3://bucket/s2/a.flac"], by_folder=True)(
            "s3://bucket/s2/a.flac"
        )
        == "s2"
    )
    assert site_names(paths, "SBNMS")(paths[0]) == "SBNMS"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 9000)), max_size=12), st.integers(0, 10))
def test_effort_is_the_union_whatever_the_order(stretches: list[tuple[int, int]], turn: int) -> None:
    def effort(order: list[tuple[int, int]]) -> list[int]:
        presence = Presence(utc_hours(), SPECIES)
        for start, length in order:
            part = [(NOON + start * MICRO, NOON + (start + length) * MICRO)]
            presence.add("a", part, part, [])
        return [row.effort_us for row in presence.rows()]

    listened = {s for start, length in stretches for s in range(start, start + length)}
    found = effort(stretches)
    assert sum(found) == len(listened) * MICRO
    assert all(us <= HOUR_US for us in found)
    assert effort(stretches[turn:] + stretches[:turn]) == found
