"""The leaderboard of finished runs: which family leads, by how much, and whether that is established.

    comparison = leaderboard([Candidate("cnn2d", {0: run}, random_run)], dataset, baselines)
    comparison["leader"], comparison["families"]["cnn2d"]["macro_f1_multi_group"]

Every metric of a family is the mean over its seeds. Its interval is from a bootstrap over recording groups,
in which each resample of groups is scored seed by seed and averaged (`metrics.paired`). `<name>_sd` is the
standard deviation between seeds, null for one seed. Families are ranked by macro-F1 over the species with at
least two groups, and each family is compared with the leader by a paired bootstrap over groups. The leader is
chosen on the same clips that its metrics come from, so its metrics are a little too high.

Keys of a family: `rank` (null without a finished run), `seeds`, `runs` {seed: folder}, `error` (null without
one), the metrics of `finback evaluate` with `_ci` and `_sd`, `n_clips` and `n_groups` tested, `n_parameters`,
`training_s` (one seed, all folds with their refits), `clips_per_s` (scoring, with features in the cache),
`random_split` {accuracy, accuracy_ci, macro_f1_multi_group, n_clips, run} or null, `versus_leader` (keys of
`metrics.paired`; null for the leader), `per_species` {name: {f1, n_clips, n_groups, noisy}}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress, no_progress
from finback.core.runs.documents import MetricsFile, read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.renames import LEADERBOARD, current
from finback.core.runs.scores import load_scores
from finback.core.storage.files import read_json, write_atomic, write_json
from finback.core.types import Clip, Labels, Scores
from finback.data.dataset import Dataset
from finback.evaluation.study_table import interval_columns, write_table
from finback.metrics import classification as classify
from finback.metrics.paired import NOT_TESTED, SeedScores, intervals, paired
from finback.report.latex import leaderboard_table

FILE, TABLE, TEX = "leaderboard.json", "leaderboard.csv", "leaderboard.tex"
RANKED_BY = "macro_f1_multi_group"


@dataclass(frozen=True)
class Candidate:
    """The finished runs of a family."""

    family: str
    runs: Mapping[int, Path] = field(default_factory=dict)  # folders by seed
    random: Path | None = None  # the folder of the run on a random split
    error: str = ""  # why a run failed


def leaderboard(
    candidates: Sequence[Candidate],
    dataset: Dataset,
    baselines: Mapping[str, Any],
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """The leaderboard as a JSON object. `baselines` is that of an audit: `in_use`, `grouped`, `random`."""
    labels = dataset.labels
    multi = dataset.multi_group
    scores = {
        c.family: {
            seed: load_scores(RunFiles(path).scores, dataset.clips)[0] for seed, path in c.runs.items()
        }
        for c in candidates
    }
    rows = {
        c.family: row_of(c, scores[c.family], labels, multi)
        for c in progress(candidates, "intervals", len(candidates))
    }
    order = sorted(
        (c.family for c in candidates if c.runs), key=lambda name: (-_rank_score(rows[name]), name)
    )
    for rank, name in enumerate(order, 1):
        rows[name]["rank"] = rank
    leader = order[0] if order else None
    for name in progress(order[1:], "differences", max(0, len(order) - 1)):
        rows[name]["versus_leader"] = versus_of(scores[name], scores[order[0]], dataset, labels, multi)
    failed = [c.family for c in candidates if not c.runs]
    return {
        "leader": leader,
        "ranked_by": RANKED_BY,
        "families": {name: rows[name] for name in [*order, *failed]},
        "no_audio_baselines": {
            "grouped": baselines.get("in_use") or baselines.get("grouped"),
            "random": baselines.get("random"),
        },
        "species": list(labels.names),
        "multi_group": multi,
        "data_fingerprint": dataset.fingerprint,
        "source": dataset.source.name,
        "licence": dataset.source.licence,
        "citation": dataset.source.citation,
    }


def save(comparison: Mapping[str, Any], folder: Path) -> None:
    """Write `leaderboard.json`; `leaderboard.csv` and `leaderboard.tex` with a row for each family."""
    write_json(folder / FILE, comparison)
    columns = ["rank", "family", "seeds", *(f"{m}{part}" for m in classify.METRICS for part in PARTS)]
    columns += ["n_parameters", "training_s", "clips_per_s", "random_split_accuracy"]
    columns += [f"versus_leader_{m}{part}" for m in ("accuracy", RANKED_BY) for part in ("", *ENDS, "_ahead")]
    rows = [_flat(name, row) for name, row in comparison["families"].items()]
    write_table(folder / TABLE, [*columns, "error"], rows)
    write_atomic(folder / TEX, leaderboard_table(comparison))


def load(folder: Path) -> dict[str, Any]:
    """The object of `leaderboard.json`, with today's keys."""
    comparison = current(read_json(folder / FILE))
    families = {name: current(row, LEADERBOARD) for name, row in comparison["families"].items()}
    return {**comparison, "families": families}


ENDS = ("_low", "_high")
PARTS = ("", *ENDS, "_sd")


def _flat(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a family in the CSV table; an interval takes two columns."""
    flat: dict[str, Any] = {"family": name, "seeds": " ".join(map(str, row["seeds"])), "error": row["error"]}
    flat |= {k: row[k] for k in ("rank", "n_parameters", "training_s", "clips_per_s")}
    for metric in classify.METRICS:
        flat |= {metric: row[metric], f"{metric}_sd": row[f"{metric}_sd"]}
        flat |= interval_columns(metric, row[f"{metric}_ci"])
    flat["random_split_accuracy"] = (row["random_split"] or {}).get("accuracy")
    for metric in ("accuracy", RANKED_BY):
        versus = (row["versus_leader"] or {}).get(metric)
        if versus:
            key = f"versus_leader_{metric}"
            flat |= {key: versus["difference"], f"{key}_ahead": versus["ahead"]}
            flat |= interval_columns(key, versus["ci"])
    return flat


def _rank_score(row: Mapping[str, Any]) -> float:
    """Macro-F1 over the species with at least two groups; accuracy if there is no such species."""
    value = row[RANKED_BY]
    return float(row["accuracy"] if value is None else value)


def row_of(
    candidate: Candidate, scores: Mapping[int, Scores], labels: Labels, multi: list[str]
) -> dict[str, Any]:
    """The row of one family: its metrics with intervals, from the scores of each seed."""
    by_seed = [_seed_scores(s, labels) for s in scores.values()]
    metrics = [read_document(RunFiles(path).metrics, MetricsFile) for path in candidate.runs.values()]
    runs = [RunFolder.open(path) for path in candidate.runs.values()]
    parts = [part.info for run in runs for part in run.parts]
    row: dict[str, Any] = {"rank": None, "seeds": list(candidate.runs), "error": candidate.error or None}
    row["runs"] = {str(seed): path.name for seed, path in candidate.runs.items()}
    ends = intervals(by_seed, labels.names, multi) if by_seed else dict.fromkeys(classify.METRICS)
    for name in classify.METRICS:
        values = [m[name] for m in metrics if m[name] is not None]
        row[name] = float(np.mean(values)) if values else None
        row[f"{name}_ci"] = ends[name]
        row[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    row["n_clips"] = max((m["n_clips"] for m in metrics), default=0)
    row["n_groups"] = max((m["n_groups"] for m in metrics), default=0)
    row["n_parameters"] = max((info.n_parameters or 0 for info in parts), default=None)
    row["training_s"] = _mean([run.info.training_s for run in runs])
    row["clips_per_s"] = _mean([run.info.clips_per_s for run in runs])
    row["random_split"] = _random_split(candidate.random)
    row["versus_leader"] = None
    row["per_species"] = {name: _species(name, metrics) for name in labels.names} if metrics else {}
    return row


def _species(name: str, metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean F1 over the seeds that tested the species, and the number of clips and groups tested."""
    by_seed = [m["per_species"][name] for m in metrics]
    tested = [s["f1"] for s in by_seed if s["n_clips"]]
    return {
        "f1": float(np.mean(tested)) if tested else None,
        "n_clips": max(s["n_clips"] for s in by_seed),
        "n_groups": max(s["n_groups"] for s in by_seed),
        "noisy": any(s["noisy"] for s in by_seed),
    }


def _random_split(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    metrics = read_document(RunFiles(path).metrics, MetricsFile)
    kept = ("accuracy", "accuracy_ci", RANKED_BY, "n_clips")
    return {**{k: metrics[k] for k in kept}, "run": path.name}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _seed_scores(scores: Scores, labels: Labels) -> SeedScores:
    groups = tuple(c.group_key for c in scores.clips)
    return SeedScores(labels.targets(scores.clips), scores.probabilities, groups)


def versus_of(
    ours: Mapping[int, Scores],
    theirs: Mapping[int, Scores],
    dataset: Dataset,
    labels: Labels,
    multi: Sequence[str],
) -> dict[str, Any] | None:
    """The paired difference from the leader, over the seeds that both have; None if there is none."""
    both = [seed for seed in ours if seed in theirs]
    if not both:
        return None
    clips = list({c.key: c for c in dataset.clips}.values())
    return paired(
        labels.targets(clips),
        [predicted(ours[seed], clips) for seed in both],
        [predicted(theirs[seed], clips) for seed in both],
        [c.group_key for c in clips],
        [labels.index(name) for name in multi],
    )


def predicted(scores: Scores, clips: Sequence[Clip]) -> NDArray[np.int64]:
    """The predicted class id (N,) of each of N clips; `NOT_TESTED` where the scores have no such clip."""
    place = {clip.key: i for i, clip in enumerate(clips)}
    predictions = np.full(len(clips), NOT_TESTED)
    predictions[[place[c.key] for c in scores.clips]] = scores.logits.argmax(axis=1)
    return predictions
