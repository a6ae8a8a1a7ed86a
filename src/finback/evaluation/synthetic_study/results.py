"""How synthetic examples changed the results on held-out groups, and whether the difference is established.

    result = results(study, folds, dataset, out)
    result["arms"]["classic + vae x 1"]["versus"]["low_data_f1"]  # {difference, ci, ahead}
    result["verdict"]

Low-data species are the tested species with fewer than `low_data_below` training clips in every fold of the
study; `low_data_f1` and `low_data_recall` are means over them. An arm is compared with the baseline, which
has the same real clips, augmentation and steps but no synthetic clips, on the folds and seeds that both have
finished, by a paired bootstrap over groups (`metrics.paired`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.renames import SYNTHETIC_STUDY, current
from finback.core.storage.files import read_json, write_json
from finback.data.dataset import Dataset
from finback.evaluation.study_table import interval_columns, write_table
from finback.evaluation.synthetic_study.arm import Arm
from finback.evaluation.synthetic_study.arm_scores import ArmScores
from finback.evaluation.synthetic_study.plan import Fold, SyntheticStudy, fold_folder
from finback.evaluation.synthetic_study.verdict import verdict
from finback.metrics import classification as classify
from finback.metrics.paired import COMPARED, SeedScores, intervals

FILE, TABLE, OLD_FILE = "synthetic_study.json", "synthetic_study.csv", "gain.json"
FIGURES = ("accuracy", "low_data_f1", "low_data_recall")  # in the order of `COMPARED`
DIFFERENCES = (*FIGURES, "low_data_recall_by_fold")
PLAIN = (
    *("n_folds", "n_synthetic", "rejected_share", "accuracy", "macro_f1"),
    *("low_data_f1", "low_data_recall"),
)


def results(
    study: SyntheticStudy,
    folds: Sequence[Fold],
    dataset: Dataset,
    out: Path,
    errors: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """All results so far, as one object."""
    scores, errors = ArmScores(study, folds, dataset, out), errors or {}
    rows = {
        arm.name: _row(scores, arm, errors.get(arm.name, ""))
        for arm in progress(study.arms, "intervals", len(study.arms))
    }
    trained = [name for name in scores.labels.names if any(name in fold.training_clips for fold in folds)]
    result = {
        "family": study.family,
        "baseline": study.baseline.name,
        "low_data_below": study.settings.low_data_below,
        "max_real_clips": study.settings.max_real_clips,
        "epochs": study.classifier.training.epochs,
        "folds": sorted({fold.number for fold in folds}),
        "n_folds": study.options.n_folds,
        "seeds": list(study.options.seeds),
        "low_data_species": {name: _counts(scores, name) for name in scores.low_data},
        "species": trained,
        "arms": rows,
        "data_fingerprint": dataset.fingerprint,
        "source": dataset.source.name,
        "licence": dataset.source.licence,
        "citation": dataset.source.citation,
        "command": study.options.command,
    }
    return {**result, "verdict": verdict(result)}


def _counts(scores: ArmScores, name: str) -> dict[str, Any]:
    """The least and the greatest number of training clips of a fold, and the number of tested clips."""
    tested = {c.key: c for fold in scores.folds for c in fold.split.test if c.label == name}
    counts = [fold.training_clips.get(name, 0) for fold in scores.folds]
    groups = {c.group_key for c in tested.values()}
    return {"training_clips": [min(counts), max(counts)], "n_clips": len(tested), "n_groups": len(groups)}


def _row(scores: ArmScores, arm: Arm, error: str) -> dict[str, Any]:
    done, evaluated = scores.done(arm), scores.evaluated(arm)
    infos = [RunFolder(fold_folder(scores.out, arm, fold)).info for fold in done]
    generated = sum(info.n_generated for info in infos)
    rejected = sum(info.n_rejected for info in infos)
    row: dict[str, Any] = {
        "generator": arm.generator or None,
        "augmentation": arm.augmentation,
        "tape_transfer": arm.tape_transfer,
        "filtered": arm.filtered,
        "ratio": arm.ratio or None,
        "target_clips": arm.target_clips or None,
        "error": error or None,
        "n_folds": len(done),
        "n_synthetic": sum(info.n_synthetic for info in infos) / len(done) if done else None,
        "rejected_share": rejected / generated if generated and arm.filtered else None,
        **dict.fromkeys(("accuracy", "macro_f1", "low_data_f1", "low_data_recall", "versus")),
        "per_species": {},
    }
    if not done:
        return row
    row |= _figures(scores, evaluated)
    if arm != scores.study.baseline:
        row["versus"] = _versus(scores, arm)
        row["per_species"] = {name: _species(scores, arm, evaluated, name) for name in scores.low_data}
    return row


def _figures(scores: ArmScores, evaluated: Sequence[SeedScores]) -> dict[str, Any]:
    """Means over seeds, with intervals over groups."""
    names = scores.labels.names
    tables = [scores.confusion(one) for one in evaluated]
    low_data = [scores.labels.index(name) for name in scores.low_data]
    tested = [scores.labels.index(name) for name in scores.tested]
    over_low_data, over_all = (intervals(evaluated, names, of) for of in (scores.low_data, scores.tested))
    right = [float((one.probabilities.argmax(axis=1) == one.truth).mean()) for one in evaluated]
    return {
        "accuracy": float(np.mean(right)),
        "accuracy_ci": over_all["accuracy"],
        "macro_f1": _mean([classify.f1_per_species(t)[tested] for t in tables]),
        "macro_f1_ci": over_all["macro_f1_multi_group"],
        "low_data_f1": _mean([classify.f1_per_species(t)[low_data] for t in tables]),
        "low_data_f1_ci": over_low_data["macro_f1_multi_group"],
        "low_data_recall": _mean([_recall(t)[low_data] for t in tables]),
    }


def _recall(confusion: np.ndarray) -> np.ndarray:
    """(K, K) counts, rows the truth -> (K,) recall of each species; 0 without clips."""
    return np.diagonal(confusion) / np.maximum(confusion.sum(axis=1), 1)


def _mean(values: Sequence[np.ndarray]) -> float | None:
    return float(np.mean(values)) if np.size(values) else None


def _versus(scores: ArmScores, arm: Arm) -> dict[str, Any] | None:
    """Differences from the baseline over the low-data species.

    `low_data_recall_by_fold` is over the clips of every species that had few training clips in the clip's
    fold.
    """
    differences = scores.versus(arm, scores.low_data)
    if differences is None:
        return None
    versus = {figure: differences[name] for figure, name in zip(FIGURES, COMPARED, strict=True)}
    by_fold = scores.versus(arm, scores.tested, only_low_data=True)
    recall = None if by_fold is None else by_fold["macro_recall_multi_group"]
    return {
        **versus,
        "low_data_recall_by_fold": recall,
        "n_clips": differences["n_clips"],
        "n_groups": differences["n_groups"],
    }


def _species(scores: ArmScores, arm: Arm, evaluated: Sequence[SeedScores], name: str) -> dict[str, Any]:
    k = scores.labels.index(name)
    tables = [scores.confusion(one) for one in evaluated]
    versus = scores.versus(arm, [name]) or {}
    return {
        "recall": float(np.mean([_recall(t)[k] for t in tables])),
        "f1": float(np.mean([classify.f1_per_species(t)[k] for t in tables])),
        "recall_difference": versus.get("macro_recall_multi_group"),
        "f1_difference": versus.get("macro_f1_multi_group"),
    }


def save(result: Mapping[str, Any], folder: Path) -> None:
    """`synthetic_study.json`, and `synthetic_study.csv` with a row for each arm."""
    write_json(folder / FILE, result)
    columns = [f"{f}_difference{end}" for f in DIFFERENCES for end in ("", "_low", "_high")]
    rows = []
    for name, row in result["arms"].items():
        flat = {"arm": name, "error": row["error"], **{k: row[k] for k in PLAIN}}
        for figure in DIFFERENCES:
            versus = (row["versus"] or {}).get(figure)
            if versus:
                key = f"{figure}_difference"
                flat |= {key: versus["difference"], **interval_columns(key, versus["ci"])}
        rows.append(flat)
    write_table(folder / TABLE, ["arm", *PLAIN, *columns, "error"], rows)


def load(folder: Path) -> dict[str, Any]:
    """The results of a study, also of one that version 0.1.0 wrote as `gain.json`, with today's keys."""
    path = folder / FILE
    value: dict[str, Any] = read_json(path if path.exists() else folder / OLD_FILE)
    return current(current(value, SYNTHETIC_STUDY))
