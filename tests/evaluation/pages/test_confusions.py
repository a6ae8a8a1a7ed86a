"""What is collected for a classifier's page, worked out without a run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from finback.core.runs.info import RunInfo
from finback.data.splits.split import SplitSettings
from finback.evaluation.pages import confusions
from finback.evaluation.pages.classifier import warnings
from finback.evaluation.pages.run_data import RunData
from finback.report.pages.figures import TestScores


def data_with(metrics: dict) -> RunData:
    return RunData(Path("run"), RunInfo(), ("a", "b"), metrics=metrics)


def test_unknown_groups_are_warned_of():
    assert "groups are not known" in warnings(data_with({"n_clips": 50, "n_groups": 50}))[0]
    assert "only 3 groups" in warnings(data_with({"n_clips": 50, "n_groups": 3}))[0]
    assert warnings(data_with({"n_clips": 50, "n_groups": 20})) == []


def test_the_worst_confusions_are_the_most_frequent_pairs_with_the_most_probable_clip_first():
    truth = np.array([0, 0, 0, 1, 1, 2])
    p = np.array(
        [[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.9, 0.1, 0], [0, 0.05, 0.95], [0, 0.9, 0.1], [0, 0, 1.0]]
    )
    scores = TestScores(truth, p)
    mistakes = confusions.worst(scores)
    assert [(m.row, m.truth, m.predicted) for m in mistakes] == [(1, 0, 1), (0, 0, 1), (3, 1, 2)]
    assert (mistakes[0].n_confused, mistakes[0].n_clips, mistakes[0].probability) == (2, 3, 0.8)
    assert [m.row for m in confusions.worst(scores, most=2)] == [1, 3]  # one clip of each pair first
    assert confusions.worst(replace(scores, truth=p.argmax(axis=1))) == []


def test_the_kind_of_split_is_known():
    assert SplitSettings().by == "group"
    assert not data_with({}).by_clip
    assert replace(data_with({}), info=RunInfo(split=[{"by": "clip"}])).by_clip
