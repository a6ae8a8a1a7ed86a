"""The answer "none of these": how familiar a sound is, relative to the validation clips of the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.data.manifest import Manifest
from finback.models import unknown
from finback.models.unknown import Familiarity


def test_the_share_is_the_rank_among_the_validation_clips() -> None:
    known = Familiarity(np.log(np.arange(1.0, 100.0)))  # 99 energies
    logits = np.log(np.array([[0.25, 0.25], [25.0, 25.0], [500.0, 500.0]]))
    np.testing.assert_allclose(known.share(logits), [0.01, 0.51, 1.0])


def test_a_run_has_it_from_its_validation_clips(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.open(trained)
    scores, _ = load_scores(run.validation_scores, Manifest.load(run.manifest).clips)
    with pytest.raises(RunError, match="validation clips; 20 are needed"):
        Familiarity.of_run(run)
    monkeypatch.setattr(unknown, "FEWEST", 2)
    share = Familiarity.of_run(run).share(scores.logits)
    np.testing.assert_allclose(np.sort(share), (2 + np.arange(len(share))) / (1 + len(share)))
    flat = np.full((1, len(scores.labels)), scores.logits.min() - 5)
    assert Familiarity.of_run(run).share(flat)[0] == pytest.approx(1 / (1 + len(share)))


def test_a_run_without_validation_scores_says_how_to_get_them(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "run"))
    RunFolder.open(copy).validation_scores.unlink()
    with pytest.raises(RunError, match=r"0 validation clips.*--split 70/15/15"):
        Familiarity.of_run(RunFolder.open(copy))
