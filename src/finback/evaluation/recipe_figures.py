"""Figures for a run that learned from all tapes: those of the same recipe in folds.

    metrics = figures_of_folds("runs/for-use", "runs/folds")    # with "n_folds", for `package_run`

No tape is left to test such a run. A run with folds was tested on every tape by a model that had not learned
from it, and its clips, species and settings are the same.
"""

from __future__ import annotations

from pathlib import Path

from finback import models
from finback.core.errors import RunError
from finback.core.runs.documents import Json, MetricsFile, read_document
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import differences
from finback.training.settings import Settings

SAME = ("family", "labels", "spec", "data_fingerprint", "rare", "settings")
FREE = ("split", "unknown")  # may differ: the sets themselves, and the gate, which changes no figure


def figures_of_folds(path: Path, folds: Path) -> Json:
    """The metrics of an evaluated run with folds, and their number.

    Raises `RunError` if `folds` has none, was not evaluated, or is of another recipe or of other clips.
    """
    run, tested = RunFolder.open(path).info, RunFolder.open(folds)
    if not tested.folds or not tested.metrics.is_file():
        raise RunError(
            f"{folds}: not a run with folds that was evaluated",
            f"train it with --folds 5, then: finback evaluate {folds}",
        )
    defaults = {**Settings().model_dump(mode="json"), "model": models.hyperparameters(run.family)}
    one, two = (
        info.updated(settings={k: v for k, v in info.settings.items() if k not in FREE}, defaults=kept)
        for info, kept in ((tested.info, {}), (run, {k: v for k, v in defaults.items() if k not in FREE}))
    )
    if changed := differences(one, two, SAME):
        raise RunError(
            f"{folds}: not the recipe and the clips of {path} ({', '.join(changed[:3])})",
            "train both with the same clips and settings; only --split, --folds and unknown may differ",
        )
    return {**read_document(tested.metrics, MetricsFile), "n_folds": len(tested.folds)}
