"""The whole evaluation on small cases worked out by hand."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evaluation.detections.events import HOUR, event, run
from hypothesis import assume, given
from hypothesis import strategies as st

from finback.core.errors import InputError, SettingsError
from finback.core.types import Event
from finback.evaluation.detections.annotated import NONE, WHOLE, Annotated
from finback.evaluation.detections.tables import FileFacts

TRUE = [event("a.wav", 10), event("a.wav", 20), event("b.wav", 10), event("b.wav", 30)]
FOUND = [
    event("x/a.flac", 10.5, "Fin", 0.9),
    event("x/a.flac", 50, "Fin", 0.8),
    event("x/b.flac", 10, "Fin", 0.6),
    event("x/b.flac", 60, "Fin", 0.2),
]
SCANNED = {"x/a.flac": HOUR, "x/b.flac": HOUR}


def test_an_evaluation_by_hand() -> None:
    result = run(TRUE, FOUND, found_files=SCANNED)
    fin = result.classes["fin"]
    counts = [fin[k] for k in ("n_true", "n_detections", "n_found", "n_missed", "n_false_alarms")]
    assert counts == [4, 4, 2, 2, 2]
    assert (fin["precision"], fin["recall"], fin["f1"]) == (0.5, 0.5, 0.5)
    assert fin["average_precision"] == pytest.approx((1 + 2 / 3) / 4)
    assert (fin["hours"], fin["false_alarms_per_hour"]) == (2, 1)
    assert fin["at_recall"]["0.5"] == {
        "threshold": 0.6,
        "false_alarms_per_hour": 0.5,
        "false_alarms_per_hour_ci": fin["at_recall"]["0.5"]["false_alarms_per_hour_ci"],
    }
    assert fin["at_recall"]["0.8"]["false_alarms_per_hour"] is None  # the recall is never reached
    assert fin["highest_recall"] == 0.5
    assert [m.event.start_s for m in result.misses] == [20, 30]
    assert [f.event.score for f in result.false_alarms] == [0.8, 0.2]
    assert result.overall["precision"] == 0.5
    assert result.overall["mean_average_precision"] == fin["average_precision"]
    assert result.resampled == "2 recordings"


def test_found_events_that_were_cut_at_a_threshold_are_said() -> None:
    cut = run(TRUE, FOUND[:3], found_files=SCANNED)
    assert (cut.overall["scores_begin_at"], cut.classes["fin"]["scores_begin_at"]) == (0.6, 0.6)
    (note,) = [note for note in cut.notes if "scores in FOUND begin at 0.6" in note]
    assert "--threshold 0.02" in note
    low = run(TRUE, [*FOUND[:3], event("x/b.flac", 60, "Fin", 0.03)], found_files=SCANNED)
    assert low.overall["scores_begin_at"] == 0.03
    assert not [note for note in low.notes if "begin at" in note]
    assert run(TRUE, [], found_files=SCANNED).overall["scores_begin_at"] is None


def test_a_threshold_keeps_found_events_at_or_above_it() -> None:
    fin = run(TRUE, FOUND, found_files=SCANNED, threshold=0.6).classes["fin"]
    assert (fin["n_detections"], fin["precision"], fin["recall"]) == (3, pytest.approx(2 / 3), 0.5)
    fin = run(TRUE, FOUND, found_files=SCANNED, threshold=0.1, thresholds={"FIN": 0.9}).classes["fin"]
    assert (fin["n_detections"], fin["precision"], fin["recall"]) == (1, 1, 0.25)
    with pytest.raises(SettingsError, match="'blue', which is no class"):
        run(TRUE, FOUND, thresholds={"blue": 0.9})


def test_what_is_undefined_is_none() -> None:
    nothing = run(TRUE, [], found_files=SCANNED).classes["fin"]
    assert (nothing["precision"], nothing["recall"], nothing["f1"]) == (None, 0, 0)
    assert nothing["average_precision"] == 0
    no_truth = run([], FOUND, found_files=SCANNED).classes["Fin"]
    assert (no_truth["precision"], no_truth["recall"], no_truth["f1"]) == (0, None, None)
    assert no_truth["average_precision"] is None
    assert no_truth["false_alarms_per_hour"] == 2
    neither = run([], [], found_files=SCANNED)
    assert neither.classes == {}
    assert neither.overall["precision"] is neither.overall["recall"] is neither.overall["f1"] is None


def test_without_effort_there_is_no_rate_of_false_alarms() -> None:
    result = run(TRUE, FOUND)
    assert result.classes["fin"]["false_alarms_per_hour"] is None
    assert result.classes["fin"]["hours"] is None
    assert "give --hours" in " ".join(result.notes)
    given = run(TRUE, FOUND, hours=4)
    assert given.classes["fin"]["false_alarms_per_hour"] == 0.5
    assert given.classes["fin"]["hours"] == 4
    with pytest.raises(SettingsError):
        run(TRUE, FOUND, hours=0)


def test_a_file_that_was_not_scanned_is_left_out_and_said() -> None:
    true = [*TRUE, event("c.wav", 5)]
    left_out = run(true, FOUND, found_files=SCANNED)
    assert left_out.classes["fin"]["n_true"] == 4
    assert "not analysed: 1 file of TRUTH with 1 event ('c.wav'). Left out" in " ".join(left_out.notes)
    missed = run(true, FOUND, found_files=SCANNED, not_analysed="missed")
    assert missed.classes["fin"]["n_missed"] == 3
    # A table does not say what was analysed: a file without events counts as analysed, and this is said.
    table = run(true, FOUND)
    assert table.classes["fin"]["n_missed"] == 3
    assert "their events as missed" in " ".join(table.notes)
    assert run(true, FOUND, not_analysed="leave-out").classes["fin"]["n_missed"] == 2


def test_false_alarms_are_counted_where_truth_is_annotated_in_full() -> None:
    true_files = {
        "a.wav": FileFacts(annotated=Annotated(((0.0, 40.0),))),
        "b.wav": FileFacts(annotated=Annotated(NONE)),
    }
    fin = run(TRUE, FOUND, true_files, SCANNED).classes["fin"]
    assert (fin["n_false_alarms"], fin["n_not_counted"]) == (0, 2)
    assert (fin["precision"], fin["recall"]) == (1, 0.5)  # recall is of all true events
    assert fin["hours"] == pytest.approx(40 / 3600)
    whole = run(TRUE, FOUND, true_files, SCANNED, exhaustive="all").classes["fin"]
    assert whole["precision"] == 0.5
    nowhere = run(TRUE, FOUND, exhaustive="none", found_files=SCANNED).classes["fin"]
    assert nowhere["precision"] is nowhere["average_precision"] is nowhere["false_alarms_per_hour"] is None
    assert nowhere["recall"] == 0.5


def test_files_that_truth_does_not_name_count_unless_asked_otherwise() -> None:
    found = [*FOUND, event("quiet.wav", 5, "Fin", 0.95)]
    scanned = {**SCANNED, "quiet.wav": HOUR}
    everywhere = run(TRUE, found, found_files=scanned)
    assert everywhere.classes["fin"]["n_false_alarms"] == 3
    assert "('quiet.wav'). All their events count as false alarms" in " ".join(everywhere.notes)
    assert run(TRUE, found, found_files=scanned, exhaustive="listed").classes["fin"]["n_false_alarms"] == 2
    # A table that is complete throughout is taken at its word; one with a gap says nothing of others.
    stated = {name: FileFacts(annotated=Annotated(WHOLE)) for name in ("a.wav", "b.wav")}
    assert run(TRUE, found, stated, scanned).classes["fin"]["n_false_alarms"] == 3
    stated["b.wav"] = FileFacts(annotated=Annotated(NONE))
    assert run(TRUE, found, stated, scanned).classes["fin"]["n_false_alarms"] == 1


def test_classes_are_matched_apart_and_counted_together() -> None:
    true = [event("a.wav", 10, "Fin whale"), event("a.wav", 50, "Blue whale")]
    found = [event("a.wav", 10, "fin  WHALE", 0.9), event("a.wav", 50, "Fin whale", 0.8)]
    result = run(true, found)
    assert result.classes["Fin whale"]["precision"] == 0.5
    assert result.classes["Blue whale"]["precision"] is None
    assert result.classes["Blue whale"]["recall"] == 0
    assert result.overall["n_found"] == 1
    assert result.misses[0].remark == "found as 'Fin whale'"
    assert result.false_alarms[0].remark == "overlaps a true event of 'Blue whale'"


def test_a_mapped_label_is_one_class() -> None:
    true, found = [event("a.wav", 10, "Orca")], [event("a.wav", 10, "Killer whale", 0.9)]
    with pytest.raises(InputError, match='--map "Orca=Killer whale"'):
        run(true, found)
    assert run(true, found, same={"orca": "killer whale"}).classes["Orca"]["recall"] == 1
    with pytest.raises(InputError, match="which is not in TRUTH"):
        run(true, found, same={"Killer whale": "Orca"})


def test_a_table_without_labels_has_one_class() -> None:
    result = run([event("a.wav", 10, "Fin"), event("a.wav", 30, "Blue")], [event("a.wav", 10, "", 0.9)])
    assert list(result.classes) == ["event"]
    assert result.classes["event"]["recall"] == 0.5
    assert "FOUND has no labels" in " ".join(result.notes)
    assert list(run([event("a.wav", 10, "")], [event("a.wav", 10, "Fin", 0.9)]).classes) == ["Fin"]


def test_labels_choose_classes() -> None:
    true = [event("a.wav", 10, "Fin"), event("a.wav", 50, "Blue")]
    found = [event("a.wav", 10, "Fin", 0.5), event("a.wav", 99, "Sei", 0.5)]
    result = run(true, found)
    assert list(result.classes) == ["Blue", "Fin", "Sei"]
    assert "in FOUND only: 'Sei'" in " ".join(result.notes)
    assert list(run(true, found, labels=("fin",)).classes) == ["Fin"]
    with pytest.raises(InputError, match="in neither table"):
        run(true, found, labels=("Minke",))


def test_events_without_scores_are_counted_but_have_no_curve() -> None:
    found = [event("a.wav", 10, "fin"), event("b.wav", 99, "fin")]
    result = run(TRUE, found)
    assert result.classes["fin"]["precision"] == 0.5
    assert "average_precision" not in result.classes["fin"]
    assert "no score" in " ".join(result.notes)
    with pytest.raises(InputError, match="no threshold applies"):
        run(TRUE, found, threshold=0.5)


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
