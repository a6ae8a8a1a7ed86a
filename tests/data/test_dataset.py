"""A `Dataset` has groups and a policy for rare species, and training accepts nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hand_made import clip, clips_of

from finback.core.errors import InputError, ManifestError, SettingsError
from finback.core.types import Clip
from finback.data.audit.duplicates import Duplicates, NearPair
from finback.data.dataset import Dataset, prepare, prepare_and_audit, read_labels
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest, SourceInfo
from finback.data.problems import Problem
from finback.data.rare import RareSettings
from finback.data.splits.settings import SplitSettings
from finback.evaluation.evaluate import evaluate_on, evaluate_run
from finback.training.classifier import train
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


def manifest(clips: list[Clip], **more: Any) -> Manifest:
    return Manifest(tuple(clips), (), SourceInfo("folder", "CC0", "none"), Path("/sounds"), **more)


def test_every_clip_has_a_group_and_copies_share_one() -> None:
    alone, copy, known = clip("fin", "", 1), clip("fin", "", 2), clip("sei", "tape", 3)
    pairs = Duplicates(near=(NearPair(known, copy, 0.9, "copy", 0.0),))
    data = prepare(manifest([alone, copy, known]), pairs)
    assert [c.group for c in data.clips] == [alone.recording.id, "tape", "tape"]
    assert data.groups_of == {"fin": 2, "sei": 1}
    assert data.multi_group == ["fin"]
    assert (data.n_groups, data.groups_known) == (2, 1 / 3)
    assert data.duplicates.near[0].b == data.clips[1], "pairs are of prepared clips"


def test_synthetic_clips_are_no_group_of_a_species() -> None:
    generated = [clip("sei", f"synthetic:{n}", n, synthetic=True) for n in (8, 9)]
    data = prepare(
        manifest([*clips_of({"fin": {"a": 1, "b": 1}, "sei": {"c": 2}}), *generated]), Duplicates()
    )
    assert data.groups_of == {"fin": 2, "sei": 1}
    assert data.n_groups == 3


def test_pairs_with_a_dropped_clip_are_gone() -> None:
    clips = clips_of({"fin": {"a": 3}, "sei": {"b": 3}, "orca": {"c": 1}})
    data = prepare(manifest(clips), Duplicates(exact=((clips[0], clips[-1]),)), RareSettings(how="drop"))
    assert data.duplicates == Duplicates()
    assert len(data.merges) == 1


def test_a_dataset_of_clips_without_groups_cannot_be_made() -> None:
    data = prepare(manifest(clips_of({"fin": {"a": 1}, "sei": {"b": 1}})), Duplicates())
    with pytest.raises(ManifestError, match=r"has no group; .*prepare"):
        replace(data, clips=(clip("fin", "", 1),))


def test_only_prepared_clips_are_trained_on(simulated: Path, tiny: str, tmp_path: Path) -> None:
    """The trap of 0.1.0: a raw manifest was trained on to the end, and `multi_group` was empty."""
    raw: Any = index(IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv"))
    plan = Plan("mfcc-plda", resolve(tiny, family="mfcc-plda"), device="cpu")
    with pytest.raises(ManifestError, match=r"train was given a Manifest.*finback\.read_labels"):
        train(plan, raw, tmp_path / "run")
    with pytest.raises(ManifestError, match="train_generator was given a Manifest"):
        train_generator(replace(plan, family="gaussian"), raw, tmp_path / "run")
    with pytest.raises(ManifestError, match="evaluate_on was given a Manifest"):
        evaluate_on(tmp_path / "run", raw, "cpu")
    assert not (tmp_path / "run").exists()
    run = train(plan, read_labels(simulated / "labels.csv", simulated / "audio"), tmp_path / "run")
    assert len(run.info.multi_group) == 4
    assert evaluate_run(run.path, "cpu")["macro_f1_multi_group"] is not None


def test_policies_for_rare_species_agree(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    plan = Plan("mfcc-plda", resolve(tiny, ["rare.how=drop"], "mfcc-plda"), device="cpu")
    with pytest.raises(SettingsError, match=r"rare\.how = 'keep'.*rare\.how = 'drop'"):
        train(plan, tiny_dataset, tmp_path / "run")


def test_what_a_run_was_trained_on_is_read_back(trained: Path, tiny_dataset: Dataset) -> None:
    again = Dataset.load(trained)
    assert again.fingerprint == tiny_dataset.fingerprint
    assert (again.clips, again.rare, again.groups_of) == (
        tiny_dataset.clips,
        tiny_dataset.rare,
        tiny_dataset.groups_of,
    )


def test_one_pass_over_the_audio_finds_what_two_find(simulated: Path, tiny_dataset: Dataset) -> None:
    split = SplitSettings(folds=2)
    raw = index(IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv"))
    dataset, result = prepare_and_audit(raw, split=split, min_clips=4)
    assert dataset == tiny_dataset
    assert result.to_json() == tiny_dataset.audit(split, min_clips=4).to_json()


def test_shown_it_names_what_is_wrong() -> None:
    problems = tuple(Problem("short", f"{n}.wav", n, "lasts 1 ms", "give more") for n in range(7))
    clips = clips_of({"fin": {"a": 3, "b": 3}, "sei": {"c": 3}, "orca": {"d": 1}})
    data = prepare(replace(manifest(clips), problems=problems), Duplicates(), RareSettings(how="drop"))
    shown = repr(data).splitlines()
    assert shown[0] == "Dataset: 9 clips, 2 species, 3 recording groups"
    assert shown[1] == "  cannot be tested (a single group): sei"
    assert "orca (1)" in shown[2]
    assert shown[3:5] == ["  7 problems (7 short):", "    0.wav (row 0): lasts 1 ms; give more"]
    assert shown[-1] == "    ... and 2 more in .problems"
    assert len(shown) == 10


def test_labels_are_read_in_one_call(simulated: Path) -> None:
    data = read_labels(str(simulated / "labels.csv"), audio=str(simulated / "audio"), min_clips=2)
    assert repr(data) == "Dataset: 32 clips, 4 species, 16 recording groups"
    with pytest.raises(InputError, match="min_clip"):
        read_labels(simulated / "labels.csv", simulated / "audio", min_clip=2)
