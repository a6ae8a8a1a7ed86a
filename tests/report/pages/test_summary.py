"""What a report says of its figures, worked out without a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from finback.core.run_info import RunInfo
from finback.data.splits.split import SplitSettings
from finback.report.pages import confusions
from finback.report.pages import summary as words
from finback.report.pages.run_data import RunData, TestScores

AUDIT = {"grouped": {"group_lookup_accuracy": 0.05, "metadata_only_accuracy": 0.21}}


def data_with(metrics: dict) -> RunData:
    return RunData(Path("run"), RunInfo(), ("a", "b"), metrics=metrics)


def test_tapes_that_are_not_known_are_warned_of():
    assert "tapes are not known" in words.warnings(data_with({"n_clips": 50, "n_groups": 50}))[0]
    assert "only 3 tapes" in words.warnings(data_with({"n_clips": 50, "n_groups": 3}))[0]
    assert words.warnings(data_with({"n_clips": 50, "n_groups": 20})) == []


def test_the_verdict_needs_the_whole_interval_above_the_no_audio_baselines():
    good = words.verdict({"accuracy": 0.5, "accuracy_ci": [0.3, 0.7]}, AUDIT, by_clip=False)
    poor = words.verdict({"accuracy": 0.5, "accuracy_ci": [0.2, 0.7]}, AUDIT, by_clip=False)
    assert "clearly more than the 21.0 %" in good
    assert "not clearly more" in poor
    assert words.verdict({"accuracy": 0.5}, None, by_clip=False) == ""


def test_worst_confusions_are_the_commonest_pairs_surest_clip_first():
    truth = np.array([0, 0, 0, 1, 1, 2])
    p = np.array(
        [[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.9, 0.1, 0], [0, 0.05, 0.95], [0, 0.9, 0.1], [0, 0, 1.0]]
    )
    scores = TestScores(truth, p, (("", 0, 1, -1),) * 6, ("f",) * 6)
    found = confusions.worst(scores)
    assert [(m.row, m.truth, m.said) for m in found] == [(1, 0, 1), (0, 0, 1), (3, 1, 2)]
    assert (found[0].n_pair, found[0].n_truth, found[0].probability) == (2, 3, 0.8)
    assert [m.row for m in confusions.worst(scores, most=2)] == [1, 3]  # one clip of each pair first
    assert confusions.worst(replace(scores, truth=p.argmax(axis=1))) == []


def test_undefined_figures_have_no_card_and_one_tape_no_interval():
    shown = words.cards({"accuracy": 0.5, "accuracy_ci": None, "macro_auc": None})
    assert [(card.name, card.interval) for card in shown] == [("Accuracy", "no interval: one tape")]


def test_splits_say_by_what_they_were_made():
    assert SplitSettings().by == "group"
    assert not data_with({}).by_clip
    assert replace(data_with({}), info=RunInfo(split=[{"by": "clip"}])).by_clip
