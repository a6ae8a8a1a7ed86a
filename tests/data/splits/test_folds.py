"""Grouped cross-validation, and what holds for any split of any clips."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hand_made import THREE, clip, clips_of, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.core.errors import SettingsError, SplitError
from finback.core.types import Clip
from finback.data.splits.balance import TEST, TRAIN, VAL
from finback.data.splits.groups import assign_groups
from finback.data.splits.settings import keep_trained
from finback.data.splits.split import SplitResult, SplitSettings, make_folds, make_split


def test_folds_judge_every_testable_clip_once() -> None:
    table = {**THREE, "orca": {"k": 4, "l": 4, "a": 3}}
    clips = clips_of(table)
    folds = make_folds(clips, SplitSettings(folds=3))
    tested = Counter(c for f in folds for c in f.split.test)
    assert tested == Counter(c for c in clips if c.label != "sei")
    for f in folds:
        assert everything(f.split) == Counter(clips)
        trained = {c.label for c in f.split.train}
        assert {c.label for c in (*f.split.test, *f.split.val)} <= trained
        assert "sei" in trained
        assert list(f.untestable) == ["sei"]
    assert [f.fold for f in folds] == [0, 1, 2]


def test_folds_set_a_single_group_species_aside_where_its_tape_is_judged() -> None:
    clips = clips_of({"fin": {"a": 4, "b": 4, "c": 4}, "sei": {"a": 3}})
    folds = make_folds(clips, SplitSettings(folds=3))
    aside = [f for f in folds if f.split.set_aside]
    assert len(aside) == 1
    assert {c.group for c in aside[0].split.test} == {"a"}
    assert {c.label for c in aside[0].split.set_aside} == {"sei"}
    assert sum("sei" in {c.label for c in f.split.train} for f in folds) == 2


def test_folds_part_the_tapes_of_a_species_that_fell_together() -> None:
    """scikit-learn puts both tapes of fin into one of these two folds."""
    folds = make_folds(clips_of({"fin": {"a": 2, "c": 2}, "minke": {"e": 8, "a": 4}}), SplitSettings(folds=2))
    assert sum(len(f.split.test) for f in folds) == 16
    assert not any(f.split.set_aside for f in folds)


def test_folds_say_when_tapes_cannot_be_parted() -> None:
    """Three species on three tapes, two each: one pair must share one of two folds."""
    table = {"fin": {"a": 3, "b": 3}, "minke": {"b": 3, "c": 3}, "sei": {"c": 3, "a": 3}}
    folds = make_folds(clips_of(table), SplitSettings(folds=2))
    assert sum(len(f.split.set_aside) for f in folds) == 6
    assert any("has all its groups in this fold" in w for f in folds for w in f.warnings)


def test_a_species_tested_but_not_trained_on_gets_a_group_back() -> None:
    counts = np.array([[9, 0, 0], [3, 4, 0], [0, 2, 0], [0, 0, 5]])
    subsets = np.array([TRAIN, TEST, VAL, TEST])
    assert keep_trained(subsets, counts).tolist() == [TRAIN, TEST, TRAIN, TEST]
    assert keep_trained(subsets, counts, spare_single=False).tolist() == [TRAIN, TEST, TRAIN, TRAIN]


def test_folds_refused_when_groups_are_too_few() -> None:
    with pytest.raises(SplitError, match="only 2 groups"):
        make_folds(clips_of({"minke": {"d": 10, "e": 5}, "sei": {"f": 9}}), SplitSettings(folds=5))
    with pytest.raises(SplitError, match="as many clips"):
        make_folds(clips_of({"minke": {"d": 1, "e": 1}, "sei": {"f": 1, "g": 1}}), SplitSettings(folds=3))
    with pytest.raises(SettingsError):
        make_folds(clips_of(THREE), SplitSettings())


def test_clip_folds() -> None:
    clips = clips_of(THREE)
    folds = make_folds(clips, SplitSettings(folds=4, by="clip"))
    assert Counter(c for f in folds for c in f.split.test) == Counter(clips)
    assert all("recognised" in f.warnings[0] for f in folds)


table_of_clips = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"), st.sampled_from(["", "p", "q", "r", "s", "t", "u"]), st.integers(0, 12)
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(rows=table_of_clips, seed=st.integers(0, 3), folds=st.sampled_from([0, 0, 2, 3]), order=st.randoms())
def test_invariants_on_any_table(
    rows: list[tuple[str, str, int]], seed: int, folds: int, order: random.Random
) -> None:
    clips = list(assign_groups([clip(s, g, n, start=i) for i, (s, g, n) in enumerate(rows)]))
    wish = SplitSettings(seed=seed, folds=folds)

    def results(of: list[Clip]) -> list[SplitResult]:
        return make_folds(of, wish) if folds else [make_split(of, wish)]

    try:
        first = results(clips)
    except SplitError:
        assert folds
        return
    n_groups = defaultdict(set)
    for c in clips:
        n_groups[c.label].add(c.group)
    for result in first:
        assert everything(result.split) == Counter(clips)
        subsets = [
            {c.group for c in part} for part in (result.split.train, result.split.val, result.split.test)
        ]
        assert sum(map(len, subsets)) == len(set().union(*subsets))
        trained = {c.label for c in result.split.train}
        tested = {c.label for c in (*result.split.val, *result.split.test)}
        assert tested <= trained
        assert not tested & {s for s, groups in n_groups.items() if len(groups) == 1}
        assert {s for s, groups in n_groups.items() if len(groups) == 1} <= set(result.untestable)
    shuffled = list(clips)
    order.shuffle(shuffled)
    assert [r.split for r in results(shuffled)] == [r.split for r in first]
