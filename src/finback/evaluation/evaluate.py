"""The one place that looks at the test side, and the way to judge a finished run on other recordings.

`evaluate_run` scores a run's own test side (of all folds together, each clip by the model that has not
heard its tape); `evaluate_on` scores it on any other labelled folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.errors import RunError
from finback.core.files import read_json, write_json
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.scores import save_scores
from finback.core.split_table import load_split
from finback.core.types import Clip, Labels, Scores
from finback.data.dataset import Dataset, require_dataset
from finback.data.manifest import Manifest
from finback.data.provenance import refuse_synthetic
from finback.features.cache import default_folder
from finback.metrics.calibration import reliability_table
from finback.metrics.classification import evaluate
from finback.models.predictor import Predictor


def evaluate_run(path: Path, device: str = "auto", progress: Progress = no_progress) -> dict[str, Any]:
    """Score the run's test side and keep `metrics.json` and `scores.parquet`; once kept, it is only read.

    Raises `RunError` when the run is unfinished, has no test side, or its recordings are gone.
    """
    run = RunFolder.open(path)
    if run.metrics.exists():
        kept: dict[str, Any] = read_json(run.metrics)
        return kept
    clips = Manifest.load(run.manifest).clips
    parts: list[tuple[int, Scores]] = []
    for fold, member in enumerate(run.parts):
        split = load_split(member.split_table, clips, member.info.split_by)
        if split.test:
            predictor = Predictor.load(member.path, device, default_folder())
            predictor.prepare(split.test, progress)
            parts.append((fold, predictor.scores(split.test, progress)))
    if not parts:
        raise RunError(
            f"{path}: has no test side",
            "judge it on other recordings: finback evaluate RUN --audio ... --labels ...",
        )
    pooled = Scores(
        tuple(c for _, s in parts for c in s.clips),
        parts[0][1].labels,
        np.concatenate([s.logits for _, s in parts]),
    )
    folds = np.concatenate([np.full(len(s.clips), fold) for fold, s in parts])
    save_scores(run.scores, pooled, folds)
    result = judge(pooled, run.info.multi_group)
    write_json(run.metrics, result)
    return result


def judge(scores: Scores, multi_group: Sequence[str], pinned: Sequence[str] | None = None) -> dict[str, Any]:
    """The metrics object of labelled scores; keys as documented for `finback evaluate --json`."""
    truth = scores.labels.targets(scores.clips)
    groups = [c.group_key for c in scores.clips]
    known = [name for name in multi_group if name in scores.labels]
    result = evaluate(truth, scores.probabilities, scores.labels.names, groups, known, pinned)
    return {**result, "reliability": reliability_table(scores.probabilities, truth)}


def evaluate_on(
    path: Path, dataset: Dataset, device: str = "auto", progress: Progress = no_progress
) -> dict[str, Any]:
    """Score a finished run on another labelled folder; nothing is written.

    Species that the run does not know are listed in `unknown_species` and left out; macro-F1 is over the
    species present. `seen_in_training` counts clips whose very sound the run was trained or tuned on.
    """
    require_dataset(dataset, "evaluate_on")
    refuse_synthetic(dataset.clips, "judging a run")
    predictor = Predictor.load(path, device, default_folder())
    clips = [c for c in dataset.clips if c.label in predictor.labels]
    unknown = Counter(c.label for c in dataset.clips if c.label not in predictor.labels)
    if not clips:
        raise RunError(
            f"{path}: knows none of these species", "it knows: " + ", ".join(predictor.labels.names)
        )
    predictor.prepare(clips, progress)
    present = Labels.of(clips).names
    result = judge(predictor.scores(clips, progress), dataset.multi_group, present)
    return {
        **result,
        "unknown_species": dict(unknown),
        "seen_in_training": _heard(RunFolder.open(path), clips),
    }


def _heard(run: RunFolder, clips: Sequence[Clip]) -> int:
    """How many of the clips come from recordings whose content the run learned from."""
    heard: set[str] = set()
    for part in run.parts:
        table = part.split_table
        rows = table.read_text(encoding="utf-8").splitlines()[1:] if table.exists() else []
        heard |= {row.split(",")[0] for row in rows if row.endswith((",train", ",val"))}
    return sum(c.recording.id in heard for c in clips)
