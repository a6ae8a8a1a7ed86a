"""Metrics of a classifier on test clips, with confidence intervals over recording groups.

`evaluate` computes one JSON-ready object from class ids and probabilities: point values by scikit-learn, and
for each a 95 % interval by drawing whole groups, such as tapes (`bootstrap`). No value is NaN: an undefined
value is None.

The label set is fixed: macro-F1 is the mean over all species in `pinned` (by default every species of the
model), and a species without a test clip counts 0, as in `f1_score(labels=..., zero_division=0)`. A mean over
only the species of the test set would increase when difficult species are left out.

If a tested species is missing from a draw, it is left out of the means of that draw (of F1, recall, AUC and
average precision); a species without any test clip keeps its 0 in macro-F1. So the intervals describe the
variation between groups, and not whether the only group of a rare species was drawn. The ECE of a draw tends
to be higher than the ECE of all clips, because a draw has fewer different clips and so larger chance
differences in each bin; the interval may therefore begin above the value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from finback.core.errors import InputError
from finback.metrics import bootstrap
from finback.metrics import calibration as calibrate

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "macro_f1_multi_group",
    "macro_auc",
    "average_precision",
    "ece",
    "top3_accuracy",
)
FEW_CLIPS, FEW_GROUPS = 10, 3  # with fewer of either, the figures of a species are marked as noisy
CHUNK = 4_000_000  # weights held at once in the bootstrap: 32 MB


def evaluate(
    truth: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    groups: Sequence[str],
    multi_group: Collection[str],
    pinned: Sequence[str] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All metrics of N test clips and K species; keys as documented for `finback evaluate --json`.

    `truth` (N,) class ids, `probabilities` (N, K), `names` the K species, `groups` the N group names,
    `multi_group` the species with more than one group in the whole data set. Raises `InputError` when there
    is no clip, `ValueError` when shapes or names disagree.
    """
    truth, probabilities = np.asarray(truth, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    names, groups = list(names), [str(g) for g in groups]
    _check(truth, probabilities, names, groups)
    wanted = _positions(names, names if pinned is None else pinned)
    multi = _positions(names, multi_group)

    predicted = probabilities.argmax(axis=1)
    result = _point_values(truth, predicted, probabilities, wanted, multi)
    intervals = _intervals(truth, probabilities, groups, wanted, multi, n_boot, seed)
    result |= {f"{name}_ci": intervals.get(name) if result[name] is not None else None for name in METRICS}
    result |= {
        "n_clips": len(truth),
        "n_groups": len(set(groups)),
        "per_species": _per_species(truth, predicted, probabilities, names, groups),
        "confusion": confusion(truth, predicted, len(names)).tolist(),
        "labels": names,
    }
    return result


def confusion(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> NDArray[np.int64]:
    """Confusion counts (K, K) of class ids (N,): rows are the true species, columns the predicted species."""
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def top_k_hits(truth: np.ndarray, probabilities: np.ndarray, k: int = 3) -> NDArray[np.bool_]:
    """Whether the true species (N,) is among the k with the highest probabilities (N, K).

    Of equal probabilities the first counts as higher, as in argmax.
    """
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return (likeliest == truth[:, None]).any(axis=1)


def f1_per_species(matrix: np.ndarray) -> NDArray[np.float64]:
    """F1 (..., K) from confusion counts (..., K, K); 0 where a species is neither true nor predicted."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    true_and_predicted = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    return 2 * right / np.maximum(true_and_predicted, 1)


def ranking(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted ROC AUC (B,) and average precision (B,) of one species for B weightings of N clips.

    `positive` (N,) bool, `scores` (N,), `weights` (B, N) not negative. Equal to `roc_auc_score` and
    `average_precision_score` with `sample_weight`; NaN where no positive clip (for the AUC: no negative clip)
    has a weight. Both are sums over the positive clips, from cumulative weights along the ranking.
    """
    order = np.argsort(-scores, kind="stable")
    positive, ranked = positive[order], scores[order]
    # Clips with equal scores share one threshold: first and last place of the tie of each positive clip.
    at = np.flatnonzero(positive)
    first = np.searchsorted(-ranked, -ranked[at], side="left")
    last = np.searchsorted(-ranked, -ranked[at], side="right") - 1
    weights = weights[:, order]
    w = weights[:, at]  # (B, P)
    down = np.cumsum(weights, axis=1)  # (B, N) weight of all clips up to each place
    down_positive = np.cumsum(w, axis=1)  # (B, P)
    n_positive, total = w.sum(axis=1), down[:, -1]
    upto = np.searchsorted(at, last, side="right") - 1  # the last positive clip of each tie
    before = np.searchsorted(at, first, side="left") - 1  # the last positive clip before the tie, -1 for none
    hits = down_positive[:, upto]
    hits_above = np.where(before >= 0, down_positive[:, before], 0)
    seen, seen_above = down[:, last], np.where(first > 0, down[:, first - 1], 0)
    false_at, false_above = seen - hits, seen_above - hits_above
    n_negative = total - n_positive
    with np.errstate(invalid="ignore", divide="ignore"):
        # A negative clip below a positive one counts 1, a tied one counts one half (Mann-Whitney U).
        below = n_negative[:, None] - (false_at + false_above) / 2
        auc = (w * below).sum(axis=1) / (n_positive * n_negative)
        precision = np.where(w > 0, hits / seen, 0.0)
        average_precision = (w * precision).sum(axis=1) / n_positive
    return auc, average_precision


def _check(truth: np.ndarray, probabilities: np.ndarray, names: list[str], groups: list[str]) -> None:
    if len(truth) == 0:
        raise InputError(
            "the test set is empty", "give labelled clips of the species that the model was trained on"
        )
    if probabilities.shape != (len(truth), len(names)) or len(groups) != len(truth):
        raise ValueError(
            f"{len(truth)} clips, {len(groups)} groups, {len(names)} names, scores {probabilities.shape}"
        )
    if truth.min() < 0 or truth.max() >= len(names):
        raise ValueError(f"class ids {truth.min()}..{truth.max()} for {len(names)} species")
    if not np.all(np.isfinite(probabilities)):
        raise InputError(
            "the scores of the model are not finite numbers",
            "the training has diverged: train again with a lower training.learning_rate",
        )


def _positions(names: list[str], some: Collection[str]) -> np.ndarray:
    if unknown := sorted(set(some) - set(names)):
        raise ValueError(f"unknown species {unknown}")
    return np.array([k for k, name in enumerate(names) if name in set(some)], dtype=int)


def _point_values(
    truth: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, wanted: np.ndarray, multi: np.ndarray
) -> dict[str, Any]:
    present = np.unique(truth)

    def macro(score: Any, labels: np.ndarray) -> float | None:
        if len(labels) == 0:
            return None
        return float(score(truth, predicted, labels=labels, average="macro", zero_division=0))

    testable = [k for k in present if not np.all(truth == k)]
    aucs = [sk.roc_auc_score(truth == k, probabilities[:, k]) for k in testable]
    precisions = [sk.average_precision_score(truth == k, probabilities[:, k]) for k in present]
    return {
        "accuracy": float(sk.accuracy_score(truth, predicted)),
        "balanced_accuracy": macro(sk.recall_score, present),
        "macro_f1": macro(sk.f1_score, wanted),
        "macro_f1_multi_group": macro(sk.f1_score, multi),
        "macro_auc": float(np.mean(aucs)) if aucs else None,
        "average_precision": float(np.mean(precisions)),
        "ece": calibrate.ece(probabilities, truth),
        "top3_accuracy": float(top_k_hits(truth, probabilities).mean()),
    }


def _intervals(
    truth: np.ndarray,
    probabilities: np.ndarray,
    groups: list[str],
    wanted: np.ndarray,
    multi: np.ndarray,
    n_boot: int,
    seed: int,
) -> dict[str, list[float] | None]:
    codes, n_groups = bootstrap.group_codes(groups)
    if n_groups < 2:
        return {}
    draws = bootstrap.draw_groups(n_groups, n_boot, seed).astype(float)  # (B, G)
    values = draw_values(truth, probabilities, codes, draws, wanted, multi)
    return {name: bootstrap.percentiles(value) for name, value in values.items()}


def draw_values(
    truth: np.ndarray,
    probabilities: np.ndarray,
    codes: np.ndarray,
    draws: np.ndarray,
    wanted: np.ndarray,
    multi: np.ndarray,
) -> dict[str, np.ndarray]:
    """Every metric (B,) in each of B draws of groups, by the rules above; NaN where it is undefined.

    `truth` (N,) class ids, `probabilities` (N, K), `codes` (N,) the groups of the clips, `draws` (B, G) float
    multiplicities of the groups. `wanted` are the class ids of macro-F1, `multi` the class ids of macro-F1
    over species with several groups.
    """
    (n_boot, n_groups), n_classes = draws.shape, probabilities.shape[1]

    def per_group(cell: np.ndarray, n_cells: int, weights: np.ndarray | None = None) -> np.ndarray:
        """Sums (B, n_cells) over the clips of the drawn groups."""
        flat = np.bincount(codes * n_cells + cell, weights=weights, minlength=n_groups * n_cells)
        return draws @ flat.reshape(n_groups, n_cells)

    predicted = probabilities.argmax(axis=1)
    matrices = per_group(truth * n_classes + predicted, n_classes**2).reshape(-1, n_classes, n_classes)
    n_true = matrices.sum(axis=2)  # (B, K) clips of each species in each draw
    right = np.diagonal(matrices, axis1=1, axis2=2)
    f1 = np.where(n_true > 0, f1_per_species(matrices), np.nan)
    confidence, bins = calibrate.confidence_bins(probabilities)
    binned = [
        per_group(bins, calibrate.N_BINS, w) for w in (None, confidence, (predicted == truth).astype(float))
    ]
    hits = per_group(top_k_hits(truth, probabilities).astype(int), 2)
    aucs, precisions = _ranking_draws(truth, probabilities, draws, codes)
    tested = np.bincount(truth, minlength=n_classes) > 0
    total = n_true.sum(axis=1)  # 0 where none of the drawn groups has a clip here
    with np.errstate(invalid="ignore"):
        accuracy, top3 = right.sum(axis=1) / total, hits[:, 1] / hits.sum(axis=1)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": _mean(np.where(n_true > 0, right / np.maximum(n_true, 1), np.nan)),
        "macro_f1": _mean(f1[:, wanted]) * tested[wanted].mean() if len(wanted) else np.full(n_boot, np.nan),
        "macro_f1_multi_group": _mean(f1[:, multi]) * tested[multi].mean()
        if len(multi)
        else np.full(n_boot, np.nan),
        "macro_auc": _mean(aucs),
        "average_precision": _mean(precisions),
        "ece": calibrate.ece_from_sums(*binned),
        "top3_accuracy": top3,
    }


def _ranking_draws(
    truth: np.ndarray, probabilities: np.ndarray, draws: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUC and average precision (B, K') of the K' tested species, in each draw; NaN where undefined."""
    present = np.unique(truth)
    rows = max(1, CHUNK // len(truth))  # draws at a time, so that memory is bounded for any N
    aucs, precisions = np.empty((2, len(draws), len(present)))
    for start in range(0, len(draws), rows):
        weights = draws[start : start + rows][:, codes]  # (b, N)
        for j, k in enumerate(present):
            ranked = ranking(truth == k, probabilities[:, k], weights)
            aucs[start : start + rows, j], precisions[start : start + rows, j] = ranked
    return aucs, precisions


def _mean(values: np.ndarray) -> NDArray[np.float64]:
    """Mean of the defined values over the last axis; NaN where no value is defined."""
    defined = np.isfinite(values)
    n = defined.sum(axis=-1)
    return np.where(defined, values, 0).sum(axis=-1) / np.where(n > 0, n, np.nan)


def _per_species(
    truth: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, names: list[str], groups: list[str]
) -> dict[str, dict[str, Any]]:
    """Metrics of each species. Without a test clip only F1 is a number: the 0 that counts in macro-F1."""
    every = np.arange(len(names))
    scores = sk.precision_recall_fscore_support(truth, predicted, labels=every, zero_division=0)
    group_of = np.asarray(groups)
    table: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(names):
        here = truth == k
        n_clips, n_groups = int(here.sum()), len(set(group_of[here]))
        tested, ranked = n_clips > 0, 0 < n_clips < len(truth)
        table[name] = {
            "precision": float(scores[0][k]) if tested else None,
            "recall": float(scores[1][k]) if tested else None,
            "f1": float(scores[2][k]),
            "auc": float(sk.roc_auc_score(here, probabilities[:, k])) if ranked else None,
            "n_clips": n_clips,
            "n_groups": n_groups,
            "noisy": n_clips < FEW_CLIPS or n_groups < FEW_GROUPS,
        }
    return table
