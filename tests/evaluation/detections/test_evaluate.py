"""The whole evaluation on small cases worked out by hand."""

from __future__ import annotations

import pytest
from evaluation.detections.events import FOUND, HOUR, TRUE, event, run

from finback.core.errors import InputError, SettingsError
from finback.evaluation.detections.annotated import NONE, WHOLE, Annotated
from finback.evaluation.detections.tables import FileFacts

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
