"""Two classifiers on the same clips: is one better, or were the tapes kind to it?

Two intervals that overlap say little: hard tapes are hard for both, so their errors go together. What is
drawn here is the difference itself. Each draw takes whole tapes with replacement (`bootstrap`), scores both
classifiers on the same drawn clips, and subtracts (the paired bootstrap: Efron & Tibshirani 1993, ch. 16;
Koehn 2004, "Statistical significance tests for machine translation evaluation").

With several seeds (of the folds and of the first weights) the same draw of tapes is scored seed by seed and
averaged over the seeds: an interval then tells of other tapes, for the average over seeds. How far the seeds
themselves lie apart is another matter, and told by their standard deviation.

Rules, as in `classify`: a species that a draw happens to miss is left out of that draw's macro-F1; one with
no test clip at all counts 0; draws without a defined difference are left out. One tape gives no interval.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from finback.metrics import bootstrap
from finback.metrics import classification as classify

N_BOOT = 1000
COMPARED = ("accuracy", "macro_f1_multi_group", "macro_recall_multi_group")
NOT_JUDGED = -1  # the "prediction" for a clip that a seed's folds could not test


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The test clips of one seed, all folds together."""

    truth: np.ndarray = field(repr=False)  # (N,) class ids
    probabilities: np.ndarray = field(repr=False)  # (N, K)
    groups: tuple[str, ...] = field(repr=False)  # N tapes


def intervals(
    seeds: Sequence[Judged],
    names: Sequence[str],
    multi_group: Collection[str],
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> dict[str, list[float] | None]:
    """95 % interval over tapes of every metric of `classify`, averaged over seeds; None for one tape.

    `names` are the K species, all of them pinned in macro-F1; `multi_group` those with more than one tape.
    With one seed these are the intervals of `classify.evaluate`.
    """
    every = sorted({group for judged in seeds for group in judged.groups})
    if len(every) < 2:
        return dict.fromkeys(classify.METRICS)
    position = {group: i for i, group in enumerate(every)}
    draws = bootstrap.draw_groups(len(every), n_boot, seed).astype(float)  # (B, G)
    wanted = np.arange(len(names))
    multi = np.array([k for k, name in enumerate(names) if name in set(multi_group)], dtype=int)
    values = []
    for judged in seeds:
        codes = np.array([position[group] for group in judged.groups])
        values.append(classify.draw_values(judged.truth, judged.probabilities, codes, draws, wanted, multi))
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
    """By how much `ours` is better than `theirs`, with a 95 % interval over tapes.

    `truth` (N,) class ids and `groups` (N,) tapes of all clips; `ours` and `theirs` hold class ids (N,) for
    each seed, -1 for a clip that was not judged: only clips that both judged under that seed are compared.
    `multi` are the class ids of the species with several tapes.

    Returns `accuracy`, `macro_f1_multi_group` and `macro_recall_multi_group` (mean recall of those species),
    each {difference, ci: [low, high] or None, ahead}: `ahead` is the share of draws in which ours is better,
    ties counting half, and None where nothing could be drawn; and `n_clips` compared (mean over seeds) and
    `n_groups`. Raises `ValueError` when shapes disagree or no seed has a clip in common.
    """
    if len(ours) != len(theirs) or {len(p) for p in (*ours, *theirs, groups)} != {len(truth)}:
        raise ValueError(f"{len(ours)} and {len(theirs)} seeds, {len(groups)} groups, {len(truth)} clips")
    truth = np.asarray(truth, dtype=np.int64)
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(ours, theirs, strict=True)]
    both = [(a != NOT_JUDGED) & (b != NOT_JUDGED) for a, b in pairs]
    if not any(mask.any() for mask in both):
        raise ValueError("no clip was judged by both")
    used = np.any(both, axis=0)
    names = sorted({group for group, keep in zip(groups, used, strict=True) if keep})
    position = {group: i for i, group in enumerate(names)}
    codes = np.array([position.get(group, 0) for group in groups])
    whole = np.ones((1, len(names)))
    draws = bootstrap.draw_groups(len(names), n_boot, seed).astype(float)
    chosen = np.array(sorted(multi), dtype=int)
    n_classes = 1 + max(int(truth.max()), *(int(p.max()) for pair in pairs for p in pair), *chosen.tolist())

    def gaps(weights: np.ndarray) -> np.ndarray:  # (3, B)
        found = [
            np.subtract(*(_scores(truth[m], p[m], codes[m], weights, chosen, n_classes) for p in pair))
            for pair, m in zip(pairs, both, strict=True)
            if m.any()
        ]
        return _mean(np.stack(found, axis=-1))

    result: dict[str, Any] = {}
    for name, at_hand, drawn in zip(COMPARED, gaps(whole), gaps(draws), strict=True):
        result[name] = _verdict(float(at_hand[0]), drawn if len(names) > 1 else np.zeros(0))
    judged = [int(m.sum()) for m in both if m.any()]
    return {**result, "n_clips": round(sum(judged) / len(judged)), "n_groups": len(names)}


def _verdict(difference: float, drawn: np.ndarray) -> dict[str, Any]:
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
) -> np.ndarray:
    """(3, B) accuracy, and macro-F1 and mean recall over `multi`, under B weightings of the groups."""
    n_groups, cells = weights.shape[1], n_classes**2
    counts = np.bincount(codes * cells + truth * n_classes + predicted, minlength=n_groups * cells)
    matrices = (weights @ counts.reshape(n_groups, cells)).reshape(-1, n_classes, n_classes)
    there = matrices.sum(axis=2)  # (B, K)
    total, right = there.sum(axis=1), np.diagonal(matrices, axis1=1, axis2=2).sum(axis=1)
    accuracy = np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)
    if len(multi) == 0:
        return np.stack([accuracy, *np.full((2, len(total)), np.nan)])
    f1 = np.where(there > 0, classify.f1_per_species(matrices), np.nan)
    found = np.diagonal(matrices, axis1=1, axis2=2)
    recall = np.divide(found, there, out=np.full(there.shape, np.nan), where=there > 0)
    tested = np.bincount(truth, minlength=n_classes)[multi] > 0
    macro = (_mean(each[:, multi]) * tested.mean() for each in (f1, recall))
    return np.stack([accuracy, *macro])


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined; NaN where nothing is."""
    defined = np.isfinite(values)
    n = defined.sum(axis=-1)
    return np.where(defined, values, 0).sum(axis=-1) / np.where(n > 0, n, np.nan)
