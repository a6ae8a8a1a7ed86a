"""Which recordings a run was trained on, by the tables in its folder."""

from __future__ import annotations

from pathlib import Path

from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.split_table import save_held_out, save_split
from finback.core.types import Clip, Recording, Split


def clip(number: int) -> Clip:
    recording = Recording(f"{number:016d}", Path(f"a, {number}.wav"), 8000, 8000, group=f"tape {number}")
    return Clip(recording, 10, 90, "fin")


CLIPS = tuple(clip(i) for i in range(6))
SPLIT = Split(CLIPS[:2], CLIPS[2:3], CLIPS[3:5], set_aside=CLIPS[5:])


def test_the_recordings_that_a_run_was_trained_on(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path / "run", RunInfo(kind="classifier"))
    assert run.training_recordings(include_validation=True) == set()  # the folder does not list them
    save_split(run.split_table, SPLIT)
    ids = [c.recording.id for c in CLIPS]
    assert run.training_recordings(include_validation=False) == set(ids[:2])
    assert run.training_recordings(include_validation=True) == set(ids[:3])
    save_held_out(run.held_out_table, CLIPS[:1], CLIPS[1:2], SPLIT)
    assert run.training_recordings(include_validation=False) == set(ids[:1])
    assert run.training_recordings(include_validation=True) == {ids[0], ids[2]}


def test_folds_are_taken_together(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, RunInfo(kind="classifier", n_folds=2))
    for fold, train in zip(run.folds, (CLIPS[:1], CLIPS[3:4]), strict=True):
        fold.path.mkdir(parents=True)
        save_split(fold.split_table, Split(train))
    expected = {CLIPS[0].recording.id, CLIPS[3].recording.id}
    assert run.training_recordings(include_validation=True) == expected
