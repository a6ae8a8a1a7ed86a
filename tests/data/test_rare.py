"""Rare species: which they are, the effect of each policy, and valid splits and metrics for all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made import clip, clips_of, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.core.errors import SettingsError, SplitError
from finback.core.settings import build
from finback.core.types import Clip, Labels
from finback.data.audit.duplicates import Duplicates
from finback.data.dataset import Dataset, prepare, prepare_request
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest, SourceInfo
from finback.data.rare import RareSettings, rare_species
from finback.data.splits.groups import assign_groups
from finback.data.splits.split import SplitSettings, make_folds, make_split
from finback.metrics.classification import METRICS, evaluate

TABLE = {"fin": {"a": 4, "b": 4}, "sei": {"c": 5}, "minke": {"d": 2}, "orca": {"a": 1}, "blue": {"e": 1}}


def manifest(clips: list[Clip], in_sets: bool = False) -> Manifest:
    subset_of = tuple("test" if c.label == "minke" else "train" for c in clips) if in_sets else None
    return Manifest(tuple(clips), (), SourceInfo("folder", "CC0", "none"), Path("/sounds"), subset_of)


def test_who_is_rare() -> None:
    clips = clips_of(TABLE)
    assert rare_species(clips, RareSettings()) == {"blue": 1, "minke": 2, "orca": 1}
    assert rare_species(clips, RareSettings(below=1)) == {}
    assert list(rare_species(clips, RareSettings(below=6))) == ["blue", "minke", "orca", "sei"]
    generated = [clip("blue", "e", 100 + n, synthetic=True) for n in range(9)]
    assert rare_species([*clips, *generated], RareSettings())["blue"] == 1
    assert rare_species([*clips, clip("grey", "", 99, synthetic=True)], RareSettings())["grey"] == 0


def prepared(before: Manifest, chosen: RareSettings) -> Dataset:
    return prepare(before, Duplicates(), chosen)


def test_kept_and_prototyped_clips_stay_as_they_are() -> None:
    before = manifest(list(assign_groups(clips_of(TABLE))))
    for how in ("keep", "prototype"):
        after = prepared(before, RareSettings(how=how))
        assert after.clips == before.clips
        assert after.rare_species == {"blue": 1, "minke": 2, "orca": 1}
        assert after.called is None
    none = prepared(before, RareSettings(how="drop", below=1))
    assert (none.clips, none.rare_species) == (before.clips, {})


def test_dropped_clips_are_gone_with_their_sets() -> None:
    before = manifest(clips_of(TABLE), in_sets=True)
    after = prepared(before, RareSettings(how="drop"))
    assert Counter(c.label for c in after.clips) == {"fin": 8, "sei": 5}
    assert after.subset_of == ("train",) * 13
    assert after.rare_species == {"blue": 1, "minke": 2, "orca": 1}
    assert after.fingerprint != before.fingerprint


def test_the_bucket_remembers_what_was_in_it(tmp_path: Path) -> None:
    asked = RareSettings(how="bucket", bucket="others")
    after = prepared(manifest(clips_of(TABLE)), asked)
    assert Counter(c.label for c in after.clips) == {"fin": 8, "sei": 5, "others": 4}
    assert after.called is not None
    both = {(c.label, name) for c, name in zip(after.clips, after.called, strict=True)}
    assert {name for label, name in both if label == "others"} == {"minke", "orca", "blue"}
    assert all(label in ("others", name) for label, name in both)
    assert "others" not in rare_species(after.clips, asked.model_copy(update={"below": 6})), (
        "never rare itself"
    )
    after.save(tmp_path / "manifest.csv")
    again = Manifest.load(tmp_path / "manifest.csv")
    assert (again.called, again.rare, again.labels) == (after.called, after.rare_species, after.labels)


def test_a_manifest_with_a_bucket_is_a_labels_file(simulated: Path, tmp_path: Path) -> None:
    rows = (simulated / "labels.csv").read_text().splitlines()
    few = [r for r in rows if "Killer" not in r] + [r for r in rows if "Killer" in r][:1]
    (tmp_path / "labels.csv").write_text("\n".join(few) + "\n")
    request = IndexRequest(audio=simulated / "audio", labels=tmp_path / "labels.csv")
    first = prepare_request(request, RareSettings(how="bucket"))
    first.save(tmp_path / "manifest.csv")
    again = prepare_request(request.model_copy(update={"labels": tmp_path / "manifest.csv"}))
    assert again.fingerprint == first.fingerprint
    assert {p.kind for p in again.problems} == {"unlabelled"}  # the killer whales that no row names


def test_a_classifier_needs_two_species() -> None:
    before = manifest(clips_of({"fin": {"a": 5}, "sei": {"b": 1}, "minke": {"c": 2}}))
    for how in ("drop", "prototype"):
        with pytest.raises(SplitError, match=r"1 species with 3 clips or more.*rare\.below"):
            prepared(before, RareSettings(how=how))
    assert len(prepared(before, RareSettings(how="bucket")).labels) == 2
    with pytest.raises(SplitError, match="0 species with 9 clips or more"):
        prepared(before, RareSettings(how="bucket", below=9))


def test_the_summary_for_people() -> None:
    before = manifest(clips_of(TABLE))
    line = prepared(before, RareSettings(how="drop")).rare_summary(most=2)
    assert line == "3 species with fewer than 3 clips left out: blue (1); minke (2) and 1 more"
    bucket = prepared(before, RareSettings(how="bucket")).rare_summary()
    assert "labelled as 'rare species': blue (1); minke (2); orca (1)" in bucket
    assert prepared(before, RareSettings()).rare_summary() == ""
    assert prepared(before, RareSettings(how="drop", below=1)).rare_summary() == ""


@pytest.mark.parametrize("values", [{"how": "hide"}, {"below": 0}, {"bucket": ""}, {"under": 3}])
def test_settings_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        build(RareSettings, values)


TAILS = {
    "one clip each, but two": {"fin": {"a": 3, "b": 2}, "sei": {"c": 2, "d": 2}}
    | {f"rare {n}": {f"t{n}": 1} for n in range(12)},
    "300 to ten ones": {"fin": {f"f{n}": 60 for n in range(5)}}
    | {f"rare {n}": {f"t{n}": 1} for n in range(10)},
    "ones on the tapes of others": {"fin": {"a": 9, "b": 9, "c": 9}}
    | {f"rare {n}": {"abc"[n % 3]: 1} for n in range(6)},
    "two on the only tape": {"fin": {"a": 5}, "sei": {"a": 3}},
    "two clips of two tapes": {"fin": {"a": 1, "b": 1}, "sei": {"c": 1, "d": 1}, "orca": {"e": 4, "f": 4}},
}


@pytest.mark.parametrize("name", TAILS)
def test_tails_are_split_and_no_species_is_tested_untrained(name: str) -> None:
    clips = assign_groups(clips_of(TAILS[name]))
    result = make_split(clips)
    check(result.split, clips)
    ones = {label for label, n in Counter(c.label for c in clips).items() if n == 1}
    assert not ones & {c.label for c in (*result.split.val, *result.split.test)}
    assert ones <= set(result.untestable)
    for folds in (2, 3):
        try:
            parts = make_folds(clips, SplitSettings(folds=folds))
        except SplitError:
            continue
        for part in parts:
            check(part.split, clips)
        assert not ones & {c.label for part in parts for c in part.split.test}


def check(split, clips) -> None:  # type: ignore[no-untyped-def]
    assert everything(split) == Counter(clips)
    trained = {c.label for c in split.train}
    assert {c.label for c in (*split.val, *split.test)} <= trained


tables = st.dictionaries(
    st.sampled_from([f"species {n}" for n in range(8)]),
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 4), min_size=1, max_size=4),
    min_size=2,
    max_size=8,
)
choices = st.builds(
    RareSettings, how=st.sampled_from(("keep", "drop", "bucket", "prototype")), below=st.integers(1, 6)
)


@settings(max_examples=60, deadline=None)
@given(tables, choices, st.integers(0, 3), st.integers(0, 2**16))
def test_any_tail_is_prepared_split_and_tested(
    table: dict[str, dict[str, int]], chosen: RareSettings, folds: int, seed: int
) -> None:
    before = manifest(list(assign_groups(clips_of(table))))
    try:
        after = prepared(before, chosen)
    except SplitError:
        left = {n for n in Labels.of(before.clips).names if sum(table[n].values()) >= chosen.below}
        assert chosen.how != "keep"
        assert len(left) + (chosen.how == "bucket") < 2
        return
    tally = Counter(c.label for c in before.clips)
    assert after.rare_species == {n: k for n, k in tally.items() if k < chosen.below}
    if chosen.how != "drop":
        assert [c.key for c in after.clips] == [c.key for c in before.clips]
    asked = SplitSettings(folds=folds if folds > 1 else 0, seed=seed)
    try:
        parts = make_folds(after.clips, asked) if folds > 1 else [make_split(after.clips, asked)]
    except SplitError:
        assert folds > 1  # too few tapes, and it says so
        return
    labels = after.labels
    tested = [c for part in parts for c in part.split.test]
    for part in parts:
        assert everything(part.split) == Counter(after.clips)
        trained = {c.label for c in part.split.train}
        assert {c.label for c in part.split.test} <= trained
    if tested:
        check_metrics(tested, labels, seed)


def check_metrics(tested: list[Clip], labels: Labels, seed: int) -> None:
    """Every figure is a number or None; no species is forgotten."""
    scores = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), len(tested))
    groups = [c.group for c in tested]
    tapes = {(c.label, c.group) for c in tested}
    several = [n for n in labels.names if sum(label == n for label, _ in tapes) > 1]
    metrics = evaluate(labels.targets(tested), scores, labels.names, groups, several, n_boot=20)
    for key in METRICS:
        assert metrics[key] is None or 0 <= metrics[key] <= 1
        interval = metrics[f"{key}_ci"]
        assert interval is None or interval[0] <= interval[1]
    assert list(metrics["per_species"]) == list(labels.names)
    assert sum(s["n_clips"] for s in metrics["per_species"].values()) == len(tested)


def test_a_species_that_only_validation_has() -> None:
    from finback.data.splits.split import from_column

    clips = clips_of({"fin": {"a": 2, "b": 1}, "sei": {"c": 2, "d": 1}, "orca": {"e": 1}})
    in_sets = [*("train", "train", "test"), *("train", "train", "test"), "val"]
    result = from_column(clips, in_sets)
    assert [c.label for c in result.split.val] == ["orca"]
    assert [replace(c) for c in result.split.train] == [
        c for c, s in zip(clips, in_sets, strict=True) if s == "train"
    ]
