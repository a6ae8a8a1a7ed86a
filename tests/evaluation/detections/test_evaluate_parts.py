"""Parts of an evaluation of detections: sites, hours, presence, SNR, calibration, files and channels."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evaluation.detections.events import FOUND, HOUR, TRUE, event, run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finback.core.errors import InputError
from finback.core.types import Event
from finback.evaluation.detections.tables import FileFacts


def test_sites_have_their_own_rates() -> None:
    files = {
        f"{site}{i}.wav": FileFacts(analysed_s=3600, site=site)
        for site in ("north", "south")
        for i in range(3)
    }
    true = [event(name, 10) for name in files]
    found = [event(name, 10 if name.startswith("n") else 50, "fin", 0.9) for name in files]
    by_site = run(true, found, found_files=files).classes["fin"]["by_site"]
    assert (by_site["north"]["recall"], by_site["south"]["recall"]) == (1, 0)
    assert by_site["south"]["false_alarms_per_hour"] == 1
    assert by_site["north"]["recall_ci"] == [pytest.approx(0.025 ** (1 / 3)), 1]


def at(hour: float) -> datetime:
    return datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=hour)


def test_hours_of_day_and_presence_are_of_utc_where_it_is_known() -> None:
    files = {f"{h}.wav": FileFacts(analysed_s=3600, duration_s=3600, start_time=at(h)) for h in (0, 1, 2, 25)}
    true = [event("0.wav", 10), event("0.wav", 50), event("1.wav", 3599), event("25.wav", 5)]
    found = [event("0.wav", 10, score=0.9), event("2.wav", 5, score=0.8), event("25.wav", 5, score=0.7)]
    fin = run(true, found, found_files=files).classes["fin"]
    assert {h: row["n_true"] for h, row in fin["by_hour"].items()} == {"00": 2, "01": 2, "02": 0}
    hours = fin["presence"]["hours"]
    # True: 0, 1, and 2 (the event of hour 1 goes on into it), 25. Found: 0, 2, 25.
    assert (hours["n_cells"], hours["n_true"], hours["n_found"], hours["n_both"]) == (4, 4, 3, 3)
    assert (hours["precision"], hours["recall"], hours["accuracy"]) == (1, 0.75, 0.75)
    assert fin["presence"]["days"]["n_cells"] == 2
    assert hours["clock"] == "UTC"


def test_presence_without_durations_has_no_accuracy() -> None:
    hours = run(TRUE, FOUND).classes["fin"]["presence"]["hours"]
    assert (hours["clock"], hours["n_cells"], hours["accuracy"]) == ("file", None, None)
    assert (hours["precision"], hours["recall"]) == (1, 1)


def test_recall_by_snr() -> None:
    true = [event("a.wav", 10 * i, snr_db=float(snr)) for i, snr in enumerate((-1, 0, 1, 5, 6, 7))]
    found = [event("a.wav", 10 * i, score=0.9) for i in (3, 4, 5)]
    rows = run(true, found).classes["fin"]["by_snr"]
    assert [row["recall"] for row in rows if row["high_db"] <= 2] == [0] * 3
    assert [row["recall"] for row in rows if row["low_db"] >= 5] == [1] * 3
    assert sum(row["n_true"] for row in rows) == 6
    assert run(TRUE, FOUND).classes["fin"]["by_snr"] == []


def test_few_scores_have_no_calibration() -> None:
    few = run(TRUE, FOUND).classes["fin"]["calibration"]
    assert few["ece"] is None
    assert few["reason"] == "4 events; 20 are needed"
    true = [event("a.wav", 10.0 * i) for i in range(30)]
    found = [event("a.wav", 10.0 * i, score=0.75 if i < 30 else 0.25) for i in range(40)]
    many = run(true, found).classes["fin"]["calibration"]
    assert many["n"] == 40
    assert many["ece"] == pytest.approx((0.25 * 30 + 0.25 * 10) / 40)
    assert [row["precision"] for row in many["bins"]] == [0, 1]
    percent = run(true, [event("a.wav", 10.0 * i, score=90.0 + i) for i in range(30)])
    assert percent.classes["fin"]["calibration"]["reason"] == "the scores are not between 0 and 1"


def test_one_recording_draws_its_hours() -> None:
    true = [event("a.wav", 3600 * i + 10) for i in range(6)]
    found = [event("a.wav", 3600 * i + 10 * (i % 2 + 1), score=0.9) for i in range(6)]
    day = FileFacts(analysed_s=6 * 3600)
    result = run(true, found, found_files={"a.wav": day})
    assert result.resampled == "6 hours"
    low, high = result.classes["fin"]["recall_ci"]
    assert low < 0.5 < high
    short = run([event("a.wav", 1)], [event("a.wav", 1, score=0.5)])
    assert short.resampled is None
    assert short.classes["fin"]["recall_ci"] is None


def test_no_false_alarm_in_ten_hours_is_not_a_rate_of_exactly_zero() -> None:
    scanned = {f"{i}.wav": HOUR for i in range(10)}
    fin = run([event("1.wav", 1)], [event("1.wav", 1, score=0.9)], found_files=scanned).classes["fin"]
    assert fin["false_alarms_per_hour"] == 0
    assert fin["false_alarms_per_hour_ci"] == [0, pytest.approx(-math.log(0.025) / 10)]


def test_channels_matter_where_both_tables_state_several() -> None:
    true = [event("a.wav", 10, channel=0), event("a.wav", 10, channel=1)]
    found = [event("a.wav", 10, score=0.9, channel=1), event("a.wav", 10, score=0.8, channel=1)]
    both = [*found, event("a.wav", 70, score=0.1, channel=0)]
    assert run(true, both).classes["fin"]["n_found"] == 1
    assert run([event("a.wav", 10)], both).classes["fin"]["n_false_alarms"] == 2


def test_tables_that_share_no_file_are_refused_unless_each_has_one() -> None:
    with pytest.raises(InputError, match="no file of TRUTH is in FOUND"):
        run(TRUE, [event("c.wav", 1, score=0.5)])
    one = run([event("dive", 10)], [event("rec_1.wav", 10, score=0.5)])
    assert one.classes["fin"]["recall"] == 1
    assert "taken as the same recording" in " ".join(one.notes)


events_of = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.integers(0, 40), st.sampled_from(("fin", "blue")), st.integers(1, 4)
    ),
    min_size=1,
    max_size=10,
)


def of(rows: list[tuple[str, int, str, int]]) -> list[Event]:
    return [event(file, start, label, score / 4) for file, start, label, score in rows]


@settings(deadline=None)  # a busy machine is no fault
@given(events_of, events_of, st.randoms(), st.sampled_from((None, 0.5, 0.75)))
def test_counts_add_up_and_do_not_depend_on_the_order_of_rows(
    true: list[tuple[str, int, str, int]],
    found: list[tuple[str, int, str, int]],
    generator: random.Random,
    threshold: float | None,
) -> None:
    scanned = dict.fromkeys("abc", HOUR)
    settings: dict[str, Any] = {"found_files": scanned, "threshold": threshold, "n_boot": 20}
    assume({row[2] for row in true} & {row[2] for row in found})  # else the tables are refused
    result = run(of(true), of(found), **settings)
    for row in [result.overall, *result.classes.values()]:
        assert row["n_found"] + row["n_missed"] == row["n_true"]
        assert row["n_found"] + row["n_false_alarms"] == row["n_detections"]
    assert sum(row["n_found"] for row in result.classes.values()) == result.overall["n_found"]
    assert len(result.misses) == result.overall["n_missed"]
    assert len(result.false_alarms) == result.overall["n_false_alarms"]
    generator.shuffle(true)
    generator.shuffle(found)
    again = run(of(true), of(found), **settings)
    assert (again.overall, again.classes) == (result.overall, result.classes)
