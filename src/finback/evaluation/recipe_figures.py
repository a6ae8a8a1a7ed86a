"""Figures for a run that was trained on all tapes: those of the same recipe, where tapes were left out.

    measured = figures_of_recipe("runs/for-use", "runs/folds")    # file names and contents, for `package_run`

No tape is left to test such a run. A classifier gets the figures of a run with folds, which was tested on
every tape by a model that was not trained on it. A generator or vocoder gets the audit of a twin, which
left tapes out. Clips, species and settings are the same.
"""

from __future__ import annotations

from pathlib import Path

from finback import models
from finback.core.errors import RunError
from finback.core.runs.audit_documents import GeneratorAuditFile, VocoderAuditFile
from finback.core.runs.documents import Json, MetricsFile, read_audit, read_document
from finback.core.runs.files import GENERATOR_AUDIT, METRICS, VOCODER_AUDIT
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import differences
from finback.core.runs.split_table import read_rows
from finback.training.settings import Settings

SAME = ("family", "labels", "spec", "data_fingerprint", "rare", "settings")
FREE = ("split", "unknown")  # may differ: the sets themselves, and the gate, which changes no figure


def figures_of_recipe(path: Path, measured: Path) -> dict[str, Json]:
    """The content of each file of results that the run at `path` gets, by name of the file.

    `measured`: an evaluated run with folds for a classifier; an audited run that left tapes out for a
    generator or a vocoder. Raises `RunError` if it is none, or is of another recipe or of other clips.
    """
    run, tested = RunFolder.open(path), RunFolder.open(measured)
    if run.info.kind in ("generator", "vocoder"):
        return _audit_of_twin(run, tested)
    if not tested.folds or not tested.metrics.is_file():
        raise RunError(
            f"{measured}: not a run with folds that was evaluated",
            f"train it with --folds 5, then: finback evaluate {measured}",
        )
    _check_same(run, tested)
    return {METRICS: {**read_document(tested.metrics, MetricsFile), "n_folds": len(tested.folds)}}


def _audit_of_twin(run: RunFolder, tested: RunFolder) -> dict[str, Json]:
    name = GENERATOR_AUDIT if run.info.kind == "generator" else VOCODER_AUDIT
    if not (tested.path / name).is_file():
        raise RunError(f"{tested.path}: not audited", f"run: finback audit {tested.path}")
    if not tested.training_rows(include_validation=True) or not _left_out(tested):
        raise RunError(f"{tested.path}: left no tapes out", "train it with --split 70/15/15, and audit it")
    _check_same(run, tested)
    kind = GeneratorAuditFile if name == GENERATOR_AUDIT else VocoderAuditFile
    n = len(tested.training_rows(include_validation=False))
    return {
        name: {
            **read_audit(tested.path / name, kind),
            "twin": {"n_train": n, "n_left_out": _left_out(tested)},
        }
    }


def _left_out(run: RunFolder) -> int:
    """Clips of the groups that a generator or vocoder was not trained on."""
    return sum(row.subset in ("validation", "test") for row in read_rows(run.split_table))


def _check_same(run: RunFolder, tested: RunFolder) -> None:
    """Raises `RunError` unless both have the same recipe and clips."""
    defaults = {**Settings().model_dump(mode="json"), "model": models.hyperparameters(run.info.family)}
    one, two = (
        info.updated(settings={k: v for k, v in info.settings.items() if k not in FREE}, defaults=kept)
        for info, kept in (
            (tested.info, {}),
            (run.info, {k: v for k, v in defaults.items() if k not in FREE}),
        )
    )
    if changed := differences(one, two, SAME):
        raise RunError(
            f"{tested.path}: not the recipe and the clips of {run.path} ({', '.join(changed[:3])})",
            "train both with the same clips and settings; only --split, --folds and unknown may differ",
        )
