"""A trained run made small enough to travel: `ship(run, folder)` copies what using it needs, with a card.

Kept: `run.json` without names of this machine, the weights (in half precision if asked for), the parts of an
ensemble, what was measured, and which recordings were on which side: who learns from clips that a generator
made must know what the generator was trained on. Left behind: manifests, scores, checkpoints, audio. The copy
is a run folder like any other.
"""

from __future__ import annotations

from pathlib import Path

import torch

from finback.core.errors import RunError
from finback.core.files import read_json, write_atomic, write_json
from finback.core.run_files import GENERATOR_AUDIT, HELD_OUT, METRICS, SPLIT_TABLE, VOCODER_AUDIT
from finback.core.runs import RunFolder
from finback.models.model_card import card, without_paths
from finback.models.model_files import keep_copies
from finback.models.weights import load_tensors, save_tensors

TABLES = (SPLIT_TABLE, HELD_OUT)
MEASURED = (METRICS, GENERATOR_AUDIT, VOCODER_AUDIT)


def ship(path: Path, folder: Path, half: bool = True) -> Path:
    """Copy a finished run to `folder`; returns that. Raises `RunError` if it is unfinished or has folds."""
    run = RunFolder.open(path)
    if run.folds:
        raise RunError(f"{path}: several models, one a fold", "train one: leave --folds out")
    run.require_trained()
    _copy(run, folder, half)
    for name in MEASURED:
        if (path / name).is_file():
            write_json(folder / name, read_json(path / name))
    copy = RunFolder(folder)
    write_atomic(copy.card, card(copy))
    return folder


def _copy(run: RunFolder, folder: Path, half: bool) -> None:
    copy = RunFolder(folder)
    copy.write(run.info.updated(command=without_paths(str(run.info.command))))
    if run.weights.is_file():
        tensors, _ = load_tensors(run.weights)
        small = {k: v.half() if half and v.dtype == torch.float32 else v for k, v in tensors.items()}
        save_tensors(copy.weights, small, {})
    keep_copies(run.info.family, run.path, folder)
    for name in TABLES:
        if (run.path / name).is_file():
            write_atomic(folder / name, (run.path / name).read_bytes())
    for i in range(len(run.info.members)):
        _copy(RunFolder.open(run.member(i).path), copy.member(i).path, half)
