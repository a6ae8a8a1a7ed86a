"""The only place that reads a test set. It also evaluates a finished run on other recordings.

    evaluate_run(path)["accuracy"]              # on the run's own test set
    evaluate_on(path, dataset)["accuracy"]      # on any other labelled recordings

With folds, the test sets of all folds are evaluated together. Each clip is scored by the model of the fold
that did not use the clip's recording group in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.documents import MetricsFile, read_document
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import save_scores
from finback.core.runs.split_table import load_split
from finback.core.storage.files import RESTORE, write_atomic, write_json
from finback.core.storage.keeping import kept
from finback.core.storage.locks import only_writer
from finback.core.types import Clip, Labels, Scores
from finback.data.dataset import Dataset, require_dataset
from finback.data.manifest import Manifest
from finback.data.provenance import refuse_synthetic
from finback.features.cache import default_folder
from finback.metrics.calibration import reliability_table
from finback.metrics.classification import evaluate
from finback.metrics.conformal import set_figures, species_sets
from finback.models.predictor import Predictor
from finback.models.pretrained import open_run
from finback.models.species_sets import NoSets, SpeciesSets
from finback.report.latex import metrics_tables

SETS_LEVEL = 0.9  # of the sets of species that an evaluation looks at


def evaluate_run(path: str | Path, device: str = "auto", progress: Progress = no_progress) -> dict[str, Any]:
    """Evaluate a run on its test set; writes `metrics.json`, `.tex` and `scores.parquet`, or reads them.

    `path`: a run folder, or the name of a bundled model, whose figures are stored.

    In a folder that cannot be written to, nothing is kept, and a warning `NotKept` says so.

    Raises `RunError` if the run is unfinished or has no test set, or if its recordings are missing.
    """
    run = open_run(path, "classifier")
    if run.metrics.exists():
        return stored_metrics(run)
    with only_writer(run.path, required=False):  # the result is the answer, kept or not
        return _evaluate(run, device, progress)


def _evaluate(run: RunFolder, device: str, progress: Progress) -> dict[str, Any]:
    """Score the test sets of all folds, keep the result."""
    return evaluate_parts(run, run.parts, device, progress)


def evaluate_parts(
    run: RunFolder, trained: Sequence[RunFolder], device: str, progress: Progress, **more: Any
) -> dict[str, Any]:
    """Score the test set of each of the `trained` runs with this run, and keep the pooled result in `run`.

    `more` are further keys of `metrics.json`. Raises `RunError` when no run has a test set.
    """
    clips = Manifest.load(run.manifest).clips
    parts: list[tuple[int, Scores]] = []
    rules: list[SpeciesSets | str] = []
    for fold, member in enumerate(trained):
        split = load_split(member.split_table, clips, member.info.split_by)
        if split.test:
            predictor = Predictor.load(member.path, device, default_folder())
            predictor.prepare(split.test, progress)
            parts.append((fold, predictor.scores(split.test, progress)))
            rules.append(_sets_of(member))
    if not parts:
        raise RunError(
            f"{run.path}: the run has no test set",
            "evaluate the run on other recordings: finback evaluate RUN --audio ... --labels ...",
        )
    pooled = Scores(
        tuple(c for _, s in parts for c in s.clips),
        parts[0][1].labels,
        np.concatenate([s.logits for _, s in parts]),
    )
    folds = np.concatenate([np.full(len(s.clips), fold) for fold, s in parts])
    result = {**evaluate_scores(pooled, run.info.multi_group), **more}
    result["sets"] = evaluate_sets([(scores, rule) for (_, scores), rule in zip(parts, rules, strict=True)])
    with kept(run.path):
        save_scores(run.scores, pooled, folds)
        write_atomic(run.metrics_tex, metrics_tables(result))
        write_json(run.metrics, result)  # the last: where it is, nothing is written again
    return result


def stored_metrics(run: RunFolder) -> dict[str, Any]:
    """The content of `metrics.json`. Raises `RunError` if it is damaged, or of a model with other labels."""
    metrics = read_document(run.metrics, MetricsFile)
    if set(metrics["labels"]) != set(run.info.labels):
        raise RunError(f"{run.metrics}: its species are not those of run.json", RESTORE)
    return metrics


def evaluate_scores(
    scores: Scores, multi_group: Sequence[str], averaged: Sequence[str] | None = None
) -> dict[str, Any]:
    """The metrics of the scores of labelled clips, with the keys that docs/json.md lists.

    `multi_group` are the species with several recording groups; macro averages are over the species
    `averaged` (default: all species of the model).
    """
    truth = scores.labels.targets(scores.clips)
    groups = [c.group_key for c in scores.clips]
    known = [name for name in multi_group if name in scores.labels]
    result = evaluate(truth, scores.probabilities, scores.labels.names, groups, known, averaged)
    return {**result, "reliability": reliability_table(scores.probabilities, truth)}


def _sets_of(run: RunFolder) -> SpeciesSets | str:
    """The rule of a run for sets of species, or why there is none."""
    try:
        return SpeciesSets.of_run(run, SETS_LEVEL)
    except NoSets as error:
        return error.problem.removeprefix(f"{run.path}: ")


def evaluate_sets(parts: Sequence[tuple[Scores, SpeciesSets | str]]) -> dict[str, Any]:
    """Coverage and size of sets of species at `SETS_LEVEL`, of the scores of each model with its rule.

    Where a rule is missing, `refused` says why, and there are no figures.
    """
    inside: list[np.ndarray] = []
    for scores, rule in parts:
        if isinstance(rule, str):
            return {"level": SETS_LEVEL, "refused": rule}
        inside.append(species_sets(scores.probabilities, rule.least))
    truth = np.concatenate([s.labels.targets(s.clips) for s, _ in parts])
    groups = [c.group_key for s, _ in parts for c in s.clips]
    return {"level": SETS_LEVEL, **set_figures(np.concatenate(inside), truth, groups)}


def evaluate_on(
    path: str | Path, dataset: Dataset, device: str = "auto", progress: Progress = no_progress
) -> dict[str, Any]:
    """Evaluate a finished run or a bundled model on other labelled recordings; nothing is written.

    Species are matched without case, spaces, hyphens and underscores; `matched_names` gives the name in the
    model of each species that is written otherwise. Species that the model does not have are listed in
    `unknown_species` and left out. Macro averages are over the species of these recordings.
    `seen_in_training` counts the clips of recordings that were in the run's training or validation set.
    """
    require_dataset(dataset, "evaluate_on")
    refuse_synthetic(dataset.clips, "evaluating a run")
    run = open_run(path, "classifier")
    predictor = Predictor.load(run.path, device, default_folder())
    own = predictor.labels.own_names(dataset.labels.names)
    clips = [replace(c, label=own[c.label or ""]) for c in dataset.clips if c.label in own]
    unknown = Counter(c.label for c in dataset.clips if c.label not in own)
    if not clips:
        raise RunError(
            f"{path}: the model has none of these species",
            "its species are: " + "; ".join(predictor.labels.names),
        )
    predictor.prepare(clips, progress)
    present = Labels.of(clips).names
    scores = predictor.scores(clips, progress)
    result = evaluate_scores(scores, _multi_group(clips), present)
    seen = run.training_recordings(include_validation=True)
    return {
        **result,
        "sets": evaluate_sets([(scores, _sets_of(run))]),
        "unknown_species": dict(unknown),
        "matched_names": {name: there for name, there in own.items() if name != there},
        "seen_in_training": sum(clip.recording.id in seen for clip in clips),
    }


def _multi_group(clips: Sequence[Clip]) -> list[str]:
    """The species with clips of at least two groups."""
    pairs = {(clip.label or "", clip.group_key) for clip in clips}
    return sorted(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
