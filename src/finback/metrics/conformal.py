"""Sets of species that hold the true one with a chosen probability on new recording groups (tapes).

    least = least_probability(true_of_left_out, 0.9)    # a number
    sets = species_sets(probabilities, least)           # (N, K) bool

A set holds each species with a probability of at least `least`: of all rules with that coverage, this one has
the smallest sets on average (Sadinle, Lei & Wasserman 2019, "Least ambiguous set-valued classifiers with
bounded error levels", J. Am. Stat. Assoc. 114:223-234). `least` comes from the probabilities of the true
species on groups that were left out. Clips of a tape resemble each other, so tapes are exchangeable and clips
are not: every tape has the same weight, and the new tape, whose clips are unknown, has one share too, as if
nothing were in the set there (hierarchical conformal prediction: Lee, Barber & Willett 2023,
"Distribution-free inference with hierarchical data", arXiv 2306.06342; Dunn, Wasserman & Ramdas 2018, arXiv
1809.07441). With G tapes left out, no more than G / (G + 1) can therefore be promised.

The promise is about a clip of a new tape, on average over tapes, calibration tapes included. It is not a
promise for each species: a species would need as many tapes of its own. It holds exactly when the left-out
probabilities are from one fitted model. With cross-fits, the final model knows more tapes than its copies,
and the coverage is measured instead (docs/decisions/0053).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.metrics.bootstrap import group_codes, interval

ROUNDING = 1e-9  # of sums of weights


def least_groups(level: float) -> int:
    """The number of left-out groups that a level in (0, 1) needs: 9 for 0.9, 4 for 0.8."""
    return max(1, math.ceil(level / (1 - level) - ROUNDING))


def least_probability(true: Sequence[np.ndarray], level: float) -> float:
    """The largest p such that species with probability p or more hold the true one at `level`.

    `true`: for each left-out group the probabilities of the true species of its clips. 0 (all species) where
    there are fewer than `least_groups`. In the terms of Lee, Barber & Willett: the quantile at `level` of
    sum_g sum_i 1 / ((G + 1) n_g) delta(s_gi) + 1 / (G + 1) delta(infinity), of the scores s = 1 - p.
    """
    groups = [np.asarray(one, dtype=np.float64) for one in true if len(one)]
    if not groups:
        return 0.0
    p = np.concatenate(groups)
    weights = np.concatenate([np.full(len(one), 1 / ((len(groups) + 1) * len(one))) for one in groups])
    order = np.argsort(-p, kind="stable")
    reached = np.cumsum(weights[order]) >= level - ROUNDING
    return float(p[order][np.argmax(reached)]) if reached.any() else 0.0


def species_sets(probabilities: np.ndarray, least: float) -> NDArray[np.bool_]:
    """(N, K) whether each species is in the set of each clip; the most probable species always is."""
    inside = probabilities >= least
    if len(probabilities):
        inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
    return np.asarray(inside, dtype=bool)


def set_figures(inside: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> dict[str, Any]:
    """Coverage, mean size and share of sets of one species, with 95 % intervals over groups.

    `inside` (N, K) bool, `truth` (N,) class ids, `groups` (N,) names. As in the promise, every group has the
    same weight; `coverage_of_clips` is over clips. Intervals are None for one group.
    """
    codes, n_groups = group_codes(groups)
    share = 1.0 / np.bincount(codes)[codes]
    size = inside.sum(axis=1)
    values = {
        "coverage": inside[np.arange(len(truth)), truth].astype(float),
        "mean_size": size.astype(float),
        "one_species": (size == 1).astype(float),
    }
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = float(np.average(value, weights=share))
        found[f"{name}_ci"] = interval(lambda w, v=value: _mean(v, w * share), groups)  # type: ignore[misc]
    return {**found, "coverage_of_clips": float(values["coverage"].mean()), "n_groups": n_groups}


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    total = weights.sum()
    return float(values @ weights / total) if total > 0 else float("nan")
