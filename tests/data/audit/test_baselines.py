"""No-audio baselines: exact on splits small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import THREE, clip, clips_of

from finback.core.types import Split
from finback.data.audit.baselines import FEATURES, evaluate, group_lookup, metadata_features
from finback.data.audit.quality import measure
from finback.data.splits.split import SplitSettings, make_folds, make_split

RNG = np.random.default_rng(0)


def test_lookup_by_hand() -> None:
    train = [clip(w[0], w[1], n) for n, w in enumerate(["fa", "fa", "ma", "mb", "sb", "sc", "sc", "sc"])]
    test = [clip("f", g, 100 + n) for n, g in enumerate("abcz")]
    # a: 2 f of 3; b: m and s tie, the alphabet decides; c: s; z is new: s is the most frequent of all.
    assert group_lookup(train, test) == ["f", "m", "s", "s"]


def test_metadata_features() -> None:
    one = clip("fin", "a", 0)
    quality = measure(0.1 * RNG.standard_normal(4000), 8000)
    row = metadata_features([one], [quality])[0]
    assert row.shape == (len(FEATURES),)
    assert row[:2] == pytest.approx([np.log10(8000), np.log10(0.5)])
    assert row[2] == quality.level_dbfs
    assert row[4] == pytest.approx(np.log10(4000))


def test_two_tapes_that_leak_and_one_that_does_not() -> None:
    train = (clip("fin", "a", 0), clip("fin", "a", 1), clip("sei", "b", 2))
    test = (clip("fin", "a", 3), clip("fin", "b", 4), clip("sei", "c", 5), clip("orca", "a", 6))
    split = Split(train, test=test, by="clip")
    level = {"fin": 0.0, "sei": 9.0, "orca": 0.0}
    known = {c: np.full(5, level[c.label or ""]) for c in (*train, *test)}
    hits = evaluate([split], known, {"fin", "sei"})
    assert hits.clips == test[:3]
    assert hits.leaked.tolist() == [True, True, False]
    assert hits.group_lookup.tolist() == [True, False, False]
    assert hits.metadata_only.tolist() == [True, True, True]


def test_a_random_split_gives_tapes_away_and_a_grouped_one_does_not() -> None:
    clips = clips_of({**THREE, "orca": {"k": 6, "l": 6}})
    tape = {c.group: RNG.standard_normal(5) for c in clips}  # each tape has file metadata of its own
    known = {c: tape[c.group] for c in clips}
    species = {c.label or "" for c in clips}
    random = evaluate([f.split for f in make_folds(clips, SplitSettings(folds=4, by="clip"))], known, species)
    grouped = evaluate([f.split for f in make_folds(clips, SplitSettings(folds=3))], known, species)
    assert random.leaked.mean() > 0.9
    assert random.group_lookup.mean() > 0.9
    assert random.metadata_only.mean() > 0.9
    assert not grouped.leaked.any()
    assert grouped.group_lookup.mean() < 0.6
    assert grouped.metadata_only.mean() < 0.8


def test_nothing_to_evaluate() -> None:
    clips = clips_of({"fin": {"a": 3}})
    hits = evaluate([make_split(clips).split], {c: np.zeros(5) for c in clips}, {"fin"})
    assert hits.clips == ()
    assert hits.leaked.shape == (0,)
