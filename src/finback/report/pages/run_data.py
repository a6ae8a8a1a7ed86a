"""What a run folder holds, read for the report. A part that is missing is None or empty, never an error."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finback.core.errors import FinbackError, RunError
from finback.core.files import read_json
from finback.core.renames import current
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.metrics import calibration as calibrate

Part = TypeVar("Part")


@dataclass(frozen=True)
class TestScores:
    """The scored clips of the test side: what they are, what was said, and where the sound is."""

    truth: np.ndarray  # (N,) int64
    probabilities: np.ndarray  # (N, K) float64
    keys: tuple[tuple[str, int, int, int], ...]  # (recording id, start, stop, channel), as Clip.key
    files: tuple[str, ...]

    __test__ = False  # not a test class, whatever pytest thinks of its name


@dataclass(frozen=True)
class RunData:
    """Everything the report is made of. `missing` says in words what the folder lacks."""

    path: Path
    info: RunInfo
    labels: tuple[str, ...]
    metrics: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    scores: TestScores | None = None
    manifest: Manifest | None = None
    logs: list[list[dict[str, Any]]] = field(default_factory=list)
    split: list[dict[str, str]] = field(default_factory=list)
    members: list[RunInfo] = field(default_factory=list)  # run.json of each fold, or the run's own
    missing: tuple[str, ...] = ()

    @property
    def splits(self) -> list[dict[str, Any]]:
        """What run.json says of the split, or of each fold's."""
        return self.info.splits

    @property
    def ensemble(self) -> list[dict[str, Any]]:
        """What run.json says of an ensemble's members; empty for a single classifier."""
        return list(self.info.members) if self.info.kind == "ensemble" else []

    @property
    def by_clip(self) -> bool:
        asked = self.info.setting("split", "by")
        return asked == "clip" or any(split.get("by") == "clip" for split in self.splits)

    @property
    def clips(self) -> dict[tuple[str, int, int, int], Clip]:
        return {clip.key: clip for clip in self.manifest.clips} if self.manifest else {}


def read_run(path: Path) -> RunData:
    """Raises `RunError` when `path` is not a classifier's folder; whatever else is wrong is said inside."""
    run = RunFolder(path)
    if not run.run_json.is_file():
        raise RunError(
            f"{path}: not a finback run folder (it has no run.json)", "give a folder that finback train made"
        )
    info = run.info
    if not info.labels:
        raise RunError(
            f"{run.run_json}: names no labels",
            "restore the file from a copy, or train into another --out",
        )
    missing: list[str] = []

    def part(path: Path, read: Callable[[Path], Part], without: str) -> Part | None:
        if not path.is_file():
            missing.append(f"{path.name} is not there: {without}.")
            return None
        try:
            return read(path)
        except (FinbackError, OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            missing.append(f"{path.name} cannot be read ({error}): {without}.")
            return None

    metrics = part(run.metrics, _object, "the run has not been evaluated")
    audit = part(run.audit, _object, "nothing is known of leaks and duplicates in the data")
    scores = part(run.scores, lambda p: _test_scores(p, info.labels), "no ROC curves and no worst confusions")
    manifest = part(run.manifest, Manifest.load, "the sounds cannot be found")
    logs = [log for log in (_log(part.log) for part in run.parts) if log]
    if not logs and info.kind != "ensemble":
        missing.append("metrics.jsonl is not there: no learning curves.")
    members = [fold.info for fold in run.folds if fold.run_json.is_file()] or [info]
    split = (
        [] if run.folds else part(run.split_table, _rows, "which clips were trained on is not listed") or []
    )
    return RunData(
        run.path, info, info.labels, metrics, audit, scores, manifest, logs, split, members, tuple(missing)
    )


def _test_scores(path: Path, labels: tuple[str, ...]) -> TestScores | None:
    table = pq.read_table(path)
    sides = table.column("side").to_pylist()
    position = {name: k for k, name in enumerate(labels)}
    rows = [
        row
        for row, side in zip(table.to_pylist(), sides, strict=True)
        if side == "test" and row["species"] in position
    ]
    if not rows:
        return None
    logits = np.array([row["logits"] for row in rows], dtype=np.float64)
    channels = [-1 if row["channel"] is None else int(row["channel"]) for row in rows]
    return TestScores(
        truth=np.array([position[row["species"]] for row in rows]),
        probabilities=calibrate.apply(logits, 1.0),
        keys=tuple(
            (row["recording_id"], int(row["start"]), int(row["stop"]), channel)
            for row, channel in zip(rows, channels, strict=True)
        ),
        files=tuple(str(row["file"]) for row in rows),
    )


def _object(path: Path) -> dict[str, Any]:
    value = current(read_json(path))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _log(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`; a line cut short by a killed run is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
