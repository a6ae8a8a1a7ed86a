"""A small copy of a trained run: `package_run(run, folder)` copies what predictions need, and a model card.

The copy holds `run.json` without paths of this machine, the weights (by default in half precision), the
members of an ensemble, the evaluation results, the probabilities behind sets of species, and the table of the
split. The table is needed because a model that is trained on clips of a generator must know the training set
of the generator. Manifests, scores, checkpoints and audio are not copied. The copy is a run folder like any
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from finback.core.errors import RunError
from finback.core.runs.documents import Json
from finback.core.runs.files import (
    GENERATOR_AUDIT,
    HELD_OUT,
    LEFT_OUT,
    METRICS,
    SPLIT_TABLE,
    TRAINING_CLIPS,
    VOCODER_AUDIT,
)
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json, write_atomic, write_json
from finback.core.storage.locks import only_writer
from finback.models.model_card import card, short_path, without_paths
from finback.models.model_files import keep_copies
from finback.models.thresholds import read_thresholds, save_thresholds
from finback.models.weights import GATE, load_tensors, save_tensors

KEPT = (SPLIT_TABLE, HELD_OUT, TRAINING_CLIPS)
AUDITS = (GENERATOR_AUDIT, VOCODER_AUDIT)
MEASURED = (METRICS, LEFT_OUT, *AUDITS)


def package_run(
    path: Path, folder: Path, half: bool = True, measured: Mapping[str, Json] | None = None
) -> Path:
    """Copy a finished run to `folder`, and return `folder`. `half`: weights in half precision.

    `measured`: files of results of the copy and their contents, for a run that was trained on all tapes, so
    that no tape is left to test it (`evaluation.recipe_figures`).

    Raises `RunError` if the run is unfinished or has folds.
    """
    run = RunFolder.open(path)
    if run.folds:
        raise RunError(f"{path}: several models, one for each fold", "train a single model, without --folds")
    run.require_trained()
    _check_out(run, folder)
    with only_writer(folder):
        _copy(run, folder, half)
        found = {name: read_json(path / name) for name in MEASURED if (path / name).is_file()}
        for name, content in {**found, **(measured or {})}.items():
            write_json(folder / name, _portable(content) if name in AUDITS else content)
        copy = RunFolder(folder)
        fitted = read_thresholds(run)
        if (
            fitted is not None
        ):  # half precision changes the fingerprint, and scores by less than thresholds see
            save_thresholds(copy, fitted.model_copy(update={"fingerprint": copy.fingerprint()}))
        write_atomic(copy.card, card(copy))
    return folder


def _check_out(run: RunFolder, folder: Path) -> None:
    """Raises `RunError` when the copy would replace the run itself, or another run."""
    if folder.resolve() == run.path.resolve():
        raise RunError(f"{folder}: is the run itself", "give another folder for the copy")
    RunFolder.check(folder, run.info)


def _portable(value: Any) -> Any:
    """Results of an audit without the paths of this machine: of `run`, and of each of `generators`."""
    if not isinstance(value, dict):
        return value
    short = {key: _portable(one) for key, one in value.items()}
    if isinstance(value.get("run"), str):
        short["run"] = short_path(value["run"])
    if isinstance(value.get("generators"), dict):
        short["generators"] = {name: short_path(path) for name, path in value["generators"].items()}
    return short


def _can_be_half(name: str, tensor: torch.Tensor) -> bool:
    """A gate is small, and its numbers may be large."""
    return tensor.dtype == torch.float32 and not name.startswith(GATE)


def _copy(run: RunFolder, folder: Path, half: bool) -> None:
    copy = RunFolder(folder)
    copy.write(run.info.updated(command=without_paths(str(run.info.command)), weights_digest=""))
    if run.weights.is_file():
        tensors, _ = load_tensors(run.weights)
        small = {k: v.half() if half and _can_be_half(k, v) else v for k, v in tensors.items()}
        save_tensors(copy.weights, small, {})
    keep_copies(run.info.family, run.path, folder)
    for name in KEPT:
        if (run.path / name).is_file():
            write_atomic(folder / name, (run.path / name).read_bytes())
    for i in range(len(run.info.members)):
        _copy(RunFolder.open(run.member(i).path), copy.member(i).path, half)
