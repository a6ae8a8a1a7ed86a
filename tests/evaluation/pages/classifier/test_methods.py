"""The methods of a run in sentences: only what the folder holds, and true for folds, heads and ensembles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from finback import models
from finback.core.runs.info import RunInfo
from finback.evaluation.pages.methods import methods
from finback.evaluation.pages.run_data import RunData, read_run


def text_of(run: RunData) -> str:
    return "\n".join(methods(run))


def changed(run: RunData, **changes) -> RunData:
    """The run with other facts in run.json."""
    info = run.info.updated(**changes)
    return replace(run, info=info, parts=[info])


def test_the_text_has_the_numbers_of_the_run_and_is_written_beside_the_page(finished, seen) -> None:
    run = read_run(finished)
    text = text_of(run)
    metrics = json.loads((finished / "metrics.json").read_text())
    groups = {clip.group_key for clip in run.manifest.clips}
    assert f"We used {len(run.manifest.clips)} labelled clips" in text
    assert f"from {len(groups)} recording groups" in text
    assert f"accuracy {100 * metrics['accuracy']:.1f} %" in text
    assert f"{metrics['n_clips']} test clips" in text
    assert (finished / "methods.txt").read_text("utf-8") == "\n\n".join(methods(run)) + "\n"
    assert "Methods, for a paper" in seen.words
    assert r"\toprule" in (finished / "metrics.tex").read_text("utf-8")


def test_an_empty_folder_gives_no_sentence_that_is_not_stored(finished) -> None:
    bare = RunData(finished, RunInfo(kind="classifier", labels=("a", "b")), ("a", "b"))
    assert methods(bare) == []


def test_a_split_by_clip_and_folds_are_said(finished) -> None:
    run = read_run(finished)
    clips = {"train": 6, "val": 2, "test": 4, "set_aside": 0}
    by_clip = changed(run, split={"by": "clip", "clips": clips})
    assert "too high for new recordings" in text_of(by_clip)
    assert "split by recording group" not in text_of(by_clip)
    folds = changed(run, split=[{"by": "group", "clips": clips}] * 3, n_folds=3)
    assert "cross-validation of 3 folds" in text_of(folds)
    assert "together hold 12 clips" in text_of(folds)
    assert "The sets have 6 training, 2 validation and 4 test clips." in text_of(
        changed(run, split={"by": "group", "clips": clips})
    )


def test_a_model_of_everything_says_how_its_method_was_chosen_and_tested(finished) -> None:
    run = read_run(finished)
    choice = {"losses": {"mfcc-plda": [2.0], "yamnet-plda": [1.0]}, "folds": ["yamnet-plda"] * 5}
    text = text_of(replace(run, metrics={**run.metrics, "n_folds": 5, "choice": choice}))
    assert "one of the families mfcc-plda and yamnet-plda was chosen" in text
    assert "(chosen: yamnet-plda)" in text
    assert "The final model was then trained on the clips of all folds." in text
    assert "final model" not in text_of(run)


def test_every_family_has_a_sentence_of_its_own_training(finished) -> None:
    run = read_run(finished)
    training = {"learning_rate": 0.001, "weight_decay": 0.05, "batch_size": 32}
    training |= {"epochs": 30, "contrast_epochs": 9}
    for family in models.CLASSIFIERS:
        made = models.family(family)
        text = text_of(changed(run, family=family, settings={"training": training}, refit_epochs=12))
        assert f"The classifier is {family} (" in text
        fitted = made.stages == ("fit",)
        assert ("It was fitted to the training and validation sets together" in text) == fitted
        assert ("The network was trained with AdamW" in text) == (not fitted)
        assert ("contrastive loss" in text) == ("contrast" in made.stages)


def test_an_ensemble_names_its_members(finished) -> None:
    run = read_run(finished)
    members = [{"family": "cnn2d"}, {"family": "mfcc-plda"}]
    info = run.info.updated(kind="ensemble", members=members, settings={"how": "mean"})
    text = text_of(replace(run, info=info, parts=[info]))
    assert "combines the answers of cnn2d and mfcc-plda with equal weights" in text
    assert "AdamW" not in text


def test_no_path_of_this_machine_is_in_the_text(finished: Path) -> None:
    assert str(finished.parent) not in text_of(read_run(finished))
