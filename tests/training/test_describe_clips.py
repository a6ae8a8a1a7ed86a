"""What the training clips of each species are like."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_split
from finback.core.runs.training_clips import training_clips
from finback.data.manifest import Manifest
from finback.training.describe_clips import described


def test_a_run_describes_the_clips_that_it_was_trained_on(trained: Path) -> None:
    run = RunFolder(trained)
    split = load_split(run.split_table, Manifest.load(run.manifest).clips, run.info.split_by)
    known = training_clips(run)
    assert known.species == described((*split.train, *split.val)).species
    assert known.least_known is None  # the run of all tests has no gate
    own = [clip for clip in split.train if clip.label == "Killer whale"]
    own += [clip for clip in split.val if clip.label == "Killer whale"]
    species = known.species["Killer whale"]
    assert species.n_clips == len(own)
    assert species.n_groups == len({clip.group for clip in own})
    assert species.shortest_s == pytest.approx(min(clip.duration_s for clip in own))
    assert species.nyquist_hz == min(clip.recording.sample_rate for clip in own) / 2
    assert 0 < (species.high_hz or 0) < (species.end_hz or 0) <= species.nyquist_hz
    synthetic = described([c for c in split.train if c.synthetic])
    assert synthetic.species == {}
