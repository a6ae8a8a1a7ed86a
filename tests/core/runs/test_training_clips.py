"""`training_clips.json`: written and read, absent, damaged, and that of several parts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.training_clips import SpeciesClips, TrainingClips, save_training_clips, training_clips

OLD = Path(__file__).parents[2] / "data" / "runs_0_1_0"
FIN = SpeciesClips(
    n_clips=12, n_groups=3, shortest_s=1.5, nyquist_hz=1000.0, end_hz=900.0, high_hz=40.0, low_hz=9.0
)


def test_what_is_written_is_read(trained: Path, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(trained, tmp_path / "run"))
    known = TrainingClips(species={"Fin": FIN}, least_known=0.7)
    save_training_clips(run.training_clips, known)
    assert training_clips(run) == known
    run.training_clips.write_text('{"species": {"Fin": {"n_clips": 0, "n_groups": 0}}}')
    with pytest.raises(RunError, match=r"training_clips\.json: damaged .*n_clips"):
        training_clips(run)


def test_an_older_run_knows_its_clips_and_groups(trained: Path, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(trained, tmp_path / "run"))
    new = training_clips(run)
    run.training_clips.unlink()
    old = training_clips(run)
    assert old.least_known is None
    assert {name: (s.n_clips, s.n_groups) for name, s in old.species.items()} == {
        name: (s.n_clips, s.n_groups) for name, s in new.species.items()
    }
    assert all(s.end_hz is None for s in old.species.values())
    assert training_clips(RunFolder(OLD / "classifier-folds")).species


def test_of_several_parts_the_lower_limits_hold(trained: Path, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(trained, tmp_path / "run"))
    run.training_clips.unlink()
    run.note(n_folds=2)
    for i, lower in enumerate((900.0, 700.0)):
        fold = RunFolder(shutil.copytree(trained, run.fold(i).path)).training_clips
        own = FIN.model_copy(update={"end_hz": lower, "n_clips": 12 - i, "low_hz": 9.0 - i})
        save_training_clips(fold, TrainingClips(species={"Fin": own}, least_known=0.5 + i / 10))
    found = training_clips(run)
    assert found.least_known == 0.5
    assert found.species["Fin"] == FIN.model_copy(update={"end_hz": 700.0})
