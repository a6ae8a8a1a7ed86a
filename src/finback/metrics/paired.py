"""Two classifiers on the same clips: is one better, or is the difference due to which tapes were drawn?

Two overlapping intervals do not answer this: a difficult tape is difficult for both classifiers, so their
errors are correlated. Therefore the difference itself is resampled. Each draw takes whole recording groups
(tapes, deployments) with replacement (`bootstrap`), scores both classifiers on the same drawn clips, and
subtracts (the paired bootstrap: Efron & Tibshirani 1993, ch. 16; Koehn 2004, "Statistical significance tests
for machine translation evaluation").

With several seeds (of the folds and of the initial weights), each draw of groups is scored for every seed,
and the scores are averaged over the seeds. The interval then describes the variation between groups, for the
mean over seeds. The variation between seeds is reported separately, as a standard deviation.

Rules, as in `classification`: a species that is not in a draw is left out of the macro-F1 of that draw; a
species without any test clip counts 0; draws without a defined difference are left out. With one group there
is no interval.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.metrics import bootstrap
from finback.metrics import classification as classify

N_BOOT = 1000
COMPARED = ("accuracy", "macro_f1_multi_group", "macro_recall_multi_group")
NOT_TESTED = -1  # stands for the prediction of a clip that no fold of a seed tests


@dataclass(frozen=True, slots=True, eq=False)
class SeedScores:
    """Truth and probabilities of the test clips of one seed, all folds pooled."""

    truth: np.ndarray = field(repr=False)  # (N,) class ids
    probabilities: np.ndarray = field(repr=False)  # (N, K)
    groups: tuple[str, ...] = field(repr=False)  # N group names


def intervals(
    seeds: Sequence[SeedScores],
    names: Sequence[str],
    multi_group: Collection[str],
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> dict[str, list[float] | None]:
    """95 % interval over groups of the mean over seeds of every metric; None for one group.

    `names` are the K species over which macro-F1 is the mean; `multi_group` are the species with more than
    one group. With one seed these are the intervals of `classification.evaluate`.
    """
    every = sorted({group for one in seeds for group in one.groups})
    if len(every) < 2:
        return dict.fromkeys(classify.METRICS)
    position = {group: i for i, group in enumerate(every)}
    draws = bootstrap.draw_groups(len(every), n_boot, seed).astype(float)  # (B, G)
    wanted = np.arange(len(names))
    multi = np.array([k for k, name in enumerate(names) if name in set(multi_group)], dtype=int)
    values = []
    for one in seeds:
        codes = np.array([position[group] for group in one.groups])
        values.append(classify.draw_values(one.truth, one.probabilities, codes, draws, wanted, multi))
    return {
        name: bootstrap.percentiles(_mean(np.stack([v[name] for v in values], axis=-1)))
        for name in classify.METRICS
    }


def paired(
    truth: np.ndarray,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    groups: Sequence[str],
    multi: Collection[int],
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> dict[str, Any]:
    """The scores of `ours` minus those of `theirs`, with a 95 % interval over groups.

    `truth` (N,) class ids and `groups` (N,) group names of all clips; `ours` and `theirs` hold predicted
    class ids (N,) for each seed, -1 for a clip that was not tested. Only clips that both tested with the same
    seed are compared. `multi` are the class ids of the species with several groups.

    Returns `accuracy`, `macro_f1_multi_group` and `macro_recall_multi_group` (mean recall of these species),
    each {difference, ci: [low, high] or None, ahead}: `ahead` is the share of draws in which `ours` is
    better, a tie counts half; it is None where no draw is defined. Also `n_clips` compared (mean over seeds)
    and `n_groups`. Raises `ValueError` when shapes disagree or no seed has a clip in common.
    """
    if len(ours) != len(theirs) or {len(p) for p in (*ours, *theirs, groups)} != {len(truth)}:
        raise ValueError(f"{len(ours)} and {len(theirs)} seeds, {len(groups)} groups, {len(truth)} clips")
    truth = np.asarray(truth, dtype=np.int64)
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(ours, theirs, strict=True)]
    both = [(a != NOT_TESTED) & (b != NOT_TESTED) for a, b in pairs]
    if not any(mask.any() for mask in both):
        raise ValueError("no clip was tested by both")
    used = np.any(both, axis=0)
    names = sorted({group for group, keep in zip(groups, used, strict=True) if keep})
    position = {group: i for i, group in enumerate(names)}
    codes = np.array([position.get(group, 0) for group in groups])
    undrawn = np.ones((1, len(names)))
    draws = bootstrap.draw_groups(len(names), n_boot, seed).astype(float)
    chosen = np.array(sorted(multi), dtype=int)
    n_classes = 1 + max(int(truth.max()), *(int(p.max()) for pair in pairs for p in pair), *chosen.tolist())

    def gaps(weights: np.ndarray) -> NDArray[np.float64]:  # (3, B)
        by_seed = [
            np.subtract(*(_scores(truth[m], p[m], codes[m], weights, chosen, n_classes) for p in pair))
            for pair, m in zip(pairs, both, strict=True)
            if m.any()
        ]
        return _mean(np.stack(by_seed, axis=-1))

    result: dict[str, Any] = {}
    for name, point, drawn in zip(COMPARED, gaps(undrawn), gaps(draws), strict=True):
        result[name] = _summary(float(point[0]), drawn if len(names) > 1 else np.zeros(0))
    n_compared = [int(m.sum()) for m in both if m.any()]
    return {**result, "n_clips": round(sum(n_compared) / len(n_compared)), "n_groups": len(names)}


def _summary(difference: float, drawn: np.ndarray) -> dict[str, Any]:
    defined = drawn[np.isfinite(drawn)]
    ci = bootstrap.percentiles(drawn) if len(drawn) else None
    ahead = float(((defined > 0) + (defined == 0) / 2).mean()) if len(defined) else None
    return {"difference": difference if np.isfinite(difference) else None, "ci": ci, "ahead": ahead}


def _scores(
    truth: np.ndarray,
    predicted: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    multi: np.ndarray,
    n_classes: int,
) -> NDArray[np.float64]:
    """Accuracy, and macro-F1 and mean recall over `multi` (3, B), for B weightings of the groups."""
    n_groups, cells = weights.shape[1], n_classes**2
    counts = np.bincount(codes * cells + truth * n_classes + predicted, minlength=n_groups * cells)
    matrices = (weights @ counts.reshape(n_groups, cells)).reshape(-1, n_classes, n_classes)
    n_true = matrices.sum(axis=2)  # (B, K)
    total, right = n_true.sum(axis=1), np.diagonal(matrices, axis1=1, axis2=2).sum(axis=1)
    accuracy = np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)
    if len(multi) == 0:
        return np.stack([accuracy, *np.full((2, len(total)), np.nan)])
    f1 = np.where(n_true > 0, classify.f1_per_species(matrices), np.nan)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    recall = np.divide(hits, n_true, out=np.full(n_true.shape, np.nan), where=n_true > 0)
    tested = np.bincount(truth, minlength=n_classes)[multi] > 0
    macro = (_mean(each[:, multi]) * tested.mean() for each in (f1, recall))
    return np.stack([accuracy, *macro])


def _mean(values: np.ndarray) -> NDArray[np.float64]:
    """Mean of the defined values over the last axis; NaN where no value is defined."""
    defined = np.isfinite(values)
    n = defined.sum(axis=-1)
    return np.where(defined, values, 0).sum(axis=-1) / np.where(n > 0, n, np.nan)
