"""A trained run made small enough to travel: `ship(run, folder)` copies what using it needs, with a card.

Kept: `run.json` without names of this machine, the weights (in half precision if asked for), the parts of an
ensemble, what was measured, and which recordings were on which side: who learns from clips that a generator
made must know what it had heard. Left behind: manifests, scores, checkpoints, audio. The copy is a run folder
like any other.
"""

from __future__ import annotations

from pathlib import Path

import torch

from finback.core.errors import RunError
from finback.core.files import read_json, write_atomic, write_json
from finback.core.runs import HELD_OUT, WEIGHTS, RunFolder
from finback.models.model_card import card, without_paths
from finback.models.predictor import MEMBERS
from finback.models.weights import load_tensors, save_tensors

CARD = "card.md"
SIDES = ("split.csv", HELD_OUT)
MEASURED = ("metrics.json", "generator_audit.json", "vocoder_audit.json")


def ship(path: Path, folder: Path, half: bool = True) -> Path:
    """Copy a finished run to `folder`; returns that. Raises `RunError` if it is unfinished or has folds."""
    run = RunFolder.open(path)
    if run.folds:
        raise RunError(f"{path}: several models, one a fold", "train one: leave --folds out")
    if not run.is_trained:
        raise RunError(f"{path}: training has not finished", "run the same command again, it resumes")
    _copy(run, folder, half)
    for name in MEASURED:
        if (path / name).is_file():
            write_json(folder / name, read_json(path / name))
    write_atomic(folder / CARD, card(RunFolder(folder)))
    return folder


def _copy(run: RunFolder, folder: Path, half: bool) -> None:
    facts = run.facts
    write_json(folder / "run.json", {**facts, "command": without_paths(str(facts.get("command", "")))})
    if (run.path / WEIGHTS).is_file():
        tensors, _ = load_tensors(run.path / WEIGHTS)
        small = {k: v.half() if half and v.dtype == torch.float32 else v for k, v in tensors.items()}
        save_tensors(folder / WEIGHTS, small, {})
    for name in SIDES:
        if (run.path / name).is_file():
            write_atomic(folder / name, (run.path / name).read_bytes())
    for i, _member in enumerate(facts.get("members", ())):
        _copy(RunFolder.open(run.path / MEMBERS / str(i)), folder / MEMBERS / str(i), half)
