"""The files of a run folder, read for its page. A part that is missing is None or empty, never an error."""

from __future__ import annotations

import base64
import shlex
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from finback.core.errors import FinbackError, RunError
from finback.core.runs.documents import AuditFile, MetricsFile, read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder, no_run
from finback.core.runs.info import RunInfo
from finback.core.runs.scores import logits_of
from finback.core.runs.split_table import SplitRow, read_rows
from finback.core.storage.files import RESTORE
from finback.core.storage.parquet import read_table
from finback.core.storage.paths import inside
from finback.core.storage.plain_json import parsed
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.metrics import calibration
from finback.report.pages.common import Picture, Reproduction
from finback.report.pages.figures import TestScores
from finback.report.plots.style import DPI

Part = TypeVar("Part")
PNG = b"\x89PNG\r\n\x1a\n"  # the first bytes of every PNG
Key = tuple[str, int, int, int]  # (recording id, start, stop, channel), as Clip.key
PLACE = {
    **{"recording_id": "text", "file": "text", "start": "integer", "stop": "integer", "channel": "integer?"},
    **{"species": "text", "logits": "numbers"},
}


@dataclass(frozen=True)
class RunData:
    """All that a page is made of. `missing` says in sentences what the folder lacks."""

    path: Path
    info: RunInfo
    labels: tuple[str, ...]
    metrics: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    scores: TestScores | None = None  # of N test clips
    keys: tuple[Key, ...] = ()  # N
    files: tuple[str, ...] = ()  # N
    manifest: Manifest | None = None
    logs: list[list[dict[str, Any]]] = field(default_factory=list)  # lines of metrics.jsonl of each fold
    split: list[SplitRow] = field(default_factory=list)
    parts: list[RunInfo] = field(default_factory=list)  # of each fold, or the run's own
    missing: tuple[str, ...] = ()

    @property
    def splits(self) -> list[dict[str, Any]]:
        """The descriptions of the split, or of the split of each fold, in run.json."""
        return self.info.splits

    @property
    def ensemble(self) -> list[dict[str, Any]]:
        """The members of an ensemble in run.json; empty for a single classifier."""
        return list(self.info.members) if self.info.kind == "ensemble" else []

    @property
    def by_clip(self) -> bool:
        """Was the split made by clip, without regard to recording groups?"""
        return self.info.setting("split", "by") == "clip" or any(
            split.get("by") == "clip" for split in self.splits
        )

    @property
    def clips(self) -> dict[Key, Clip]:
        return {clip.key: clip for clip in self.manifest.clips} if self.manifest else {}


def read_run(path: Path) -> RunData:
    """Raises `RunError` if `path` is not a run folder; all else that is wrong is listed in `missing`."""
    run = RunFolder(path)
    if not run.run_json.is_file():
        raise no_run(path)
    info = run.info
    if not info.labels:
        raise RunError(
            f"{run.run_json}: names no labels", "restore the file from a copy, or train into another --out"
        )
    missing: list[str] = []

    def part(path: Path, read: Callable[[Path], Part], without: str) -> Part | None:
        if not path.is_file():
            missing.append(f"{path.name} is missing: {without}.")
            return None
        try:
            return read(path)
        except (FinbackError, OSError) as error:
            missing.append(f"{path.name} cannot be read ({error}): {without}.")
            return None

    metrics = part(run.metrics, lambda p: _metrics(p, info.labels), "the run has not been evaluated")
    without = "the data were not searched for leaks and duplicates"
    audit = part(run.audit, lambda p: read_document(p, AuditFile), without)
    without = "there are no ROC curves and no confusions"
    scored = part(run.scores, lambda p: _test_scores(p, info.labels), without)
    scores, keys, files = scored or (None, (), ())
    manifest = part(run.manifest, Manifest.load, "the recordings cannot be found")
    logs = [log for log in (_log(each.log) for each in run.parts) if log]
    if not logs and info.kind != "ensemble":
        missing.append("metrics.jsonl is missing: there are no learning curves.")
    parts = [fold.info for fold in run.folds if fold.run_json.is_file()] or [info]
    split = [] if run.folds else part(run.split_table, read_rows, "the training clips are not listed") or []
    return RunData(
        run.path,
        info,
        info.labels,
        metrics,
        audit,
        scores,
        keys,
        files,
        manifest,
        logs,
        split,
        parts,
        tuple(missing),
    )


def reproduction(run: RunData) -> Reproduction:
    """How to repeat the run. An ensemble has no settings of its own: no file of settings would repeat it."""
    info = run.info
    rows = [
        (name, str(value))
        for name, value in (
            ("finback", info.finback),
            ("git commit", info.git_commit),
            ("seed", info.seed),
            ("fingerprint of the data", info.data_fingerprint),
        )
        if value not in ("", None)
    ]
    if info.temperature is not None:
        rows.append(("calibration temperature", f"{info.temperature:.4g}"))
    if info.versions:
        rows.append(("versions", ", ".join(f"{name} {value}" for name, value in info.versions.items())))
    if run.manifest:
        source = run.manifest.source
        cited = f"; {source.citation}" if source.citation else ""
        rows.append(("recordings", f"source {source.name}; licence {source.licence}{cited}"))
    return Reproduction(command(run), rows, info.spec, {} if run.ensemble else info.settings)


def command(run: RunData) -> str:
    """The command that made the run, as it was given; else one that trains the same from its manifest."""
    given = run.info.command
    if given:
        return given if isinstance(given, str) else shlex.join(str(part) for part in given)
    if run.ensemble:
        method = str(run.info.settings.get("how", "mean"))
        origins = [str(member.get("origin")) for member in run.ensemble]
        return shlex.join(["finback", "ensemble", *origins, "--how", method, "--out", "again"])
    parts = ["finback", "train", run.info.family or "cnn2d", "--preset", "settings.toml"]
    if run.manifest:
        parts += ["--audio", str(run.manifest.audio), "--labels", str(RunFiles(run.path).manifest)]
    if run.info.seed is not None:
        parts += ["--seed", str(run.info.seed)]
    return shlex.join([*parts, "--out", "again"])


def _test_scores(
    path: Path, labels: tuple[str, ...]
) -> tuple[TestScores, tuple[Key, ...], tuple[str, ...]] | None:
    """Scores, keys and file names of the test clips; None if there are none."""
    table, _ = read_table(path, PLACE)
    column = "subset" if "subset" in table.column_names else "side"  # of version 0.1.0
    table, _ = read_table(path, {**PLACE, column: "text"})
    position = {name: k for k, name in enumerate(labels)}
    species, subsets = (table[key].to_pylist() for key in ("species", column))
    if unknown := set(species) - set(position):
        raise RunError(f"{path}: {min(unknown)} is not a species of run.json", RESTORE)
    logits = logits_of(table, len(labels), path)
    rows = [i for i, subset in enumerate(subsets) if subset == "test"]
    if not rows:
        return None
    scores = TestScores(
        truth=np.array([position[species[i]] for i in rows]),
        probabilities=calibration.apply(logits[rows].astype(np.float64), 1.0),
    )
    place = [table[key].to_pylist() for key in ("recording_id", "start", "stop", "channel", "file")]
    ids, starts, stops, channels, files = place
    channels = [-1 if channel is None else channel for channel in channels]
    keys = tuple((ids[i], starts[i], stops[i], channels[i]) for i in rows)
    return scores, keys, tuple(files[i] for i in rows)


def _metrics(path: Path, labels: tuple[str, ...]) -> dict[str, Any]:
    metrics = read_document(path, MetricsFile)
    if set(metrics["labels"]) != set(labels):
        raise RunError(f"{path}: its species are not those of run.json", RESTORE)
    return metrics


def _log(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`; a line cut short by a killed run is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_bytes().splitlines():
        try:
            line = parsed(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append({key: value for key, value in line.items() if _is_number(value)})
    return [line for line in lines if "step" in line]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def picture_of_file(run: Path, name: str, alt: str) -> Picture | None:
    """A PNG of `figures/` at the size it was drawn for; None where there is none.

    A run folder can come from anybody: a link that leads out of it is not followed into the page.
    """
    try:
        data = inside(run, "figures", f"{name}.png").read_bytes()
    except (OSError, FinbackError):
        return None
    if not data.startswith(PNG) or len(data) < 24:
        return None
    pixels = struct.unpack(">I", data[16:20])[0]  # width in the PNG's first chunk
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return Picture(uri, alt, round(pixels * 96 / DPI))
