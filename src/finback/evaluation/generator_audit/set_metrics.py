"""Sets of windows against one another: shares right, distances, copies. Plain values for the audit's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from finback.evaluation.generator_audit.windows import Windows, alike, per_clip
from finback.metrics import bootstrap, generative
from finback.metrics import copying as memory

PER_SPECIES = 20  # windows of one species at most, so that the commonest does not decide
FEWEST = generative.K + 2  # below this there is no k-th neighbour to speak of


def answers(logits: np.ndarray, windows: Windows) -> np.ndarray:
    """(C,) class ids said of each clip: the likeliest by the mean over its windows, from logits (N, K)."""
    said: np.ndarray = per_clip(logits, windows)[0].argmax(axis=1)
    return said


def shares(right: np.ndarray, windows: Windows, names: Sequence[str]) -> dict[str, Any]:
    """How many of the clips were `right` (C,), 0 to 1: all, the mean over species, and each species'.

    With intervals over tapes; samples have no tapes, and no intervals.
    """
    _, y, tapes = per_clip(np.zeros((len(windows), 1)), windows)
    if not len(right):
        return {"n_clips": 0, "accuracy": None, "mean_recall": None, "per_species": {}}
    per_species = {
        names[k]: {"recall": float(right[y == k].mean()), "n_clips": int((y == k).sum())}
        for k in np.unique(y)
    }
    found: dict[str, Any] = {
        "n_clips": len(right),
        "accuracy": float(right.mean()),
        "mean_recall": float(np.mean([s["recall"] for s in per_species.values()])),
        "per_species": per_species,
    }
    if windows.spans:
        drawn = redrawn(right[:, None].astype(float), y, tapes)
        found["n_groups"] = len(set(tapes))
        found["accuracy_ci"] = None if drawn is None else bootstrap.percentiles(drawn[0][:, 0])
        found["mean_recall_ci"] = None if drawn is None else bootstrap.percentiles(drawn[1][:, 0])
    return found


def redrawn(values: np.ndarray, y: np.ndarray, tapes: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Means (B, D) of values (C, D) over clips, and over species' means, when whole tapes are drawn anew.

    A species that a draw misses is left out of that draw's mean. None where there is one tape.
    """
    codes, n_groups = bootstrap.group_codes(tapes)
    if n_groups < 2:
        return None
    draws = bootstrap.draw_groups(n_groups)  # (B, G)
    weights = draws[:, codes].astype(float)  # (B, C)
    overall = weights @ values / weights.sum(axis=1, keepdims=True)
    kinds = np.unique(y)
    with np.errstate(invalid="ignore"):
        each = [weights[:, y == k] @ values[y == k] / weights[:, y == k].sum(axis=1)[:, None] for k in kinds]
    return overall, np.nanmean(each, axis=0)


def ratio(made: np.ndarray, real: np.ndarray, windows: Windows) -> dict[str, Any]:
    """Right answers (C,) of one learner over another's on the same real clips, paired over tapes."""
    _, y, tapes = per_clip(np.zeros((len(windows), 1)), windows)
    if not len(real) or not real.any():
        return {"ratio": None, "ratio_ci": None, "ratio_mean_recall": None, "ratio_mean_recall_ci": None}
    both = np.stack([made, real], axis=1).astype(float)
    by_species = np.mean([both[y == k].mean(axis=0) for k in np.unique(y)], axis=0)
    found: dict[str, Any] = {
        "ratio": float(made.mean() / real.mean()),
        "ratio_ci": None,
        "ratio_mean_recall": float(by_species[0] / by_species[1]),
        "ratio_mean_recall_ci": None,
    }
    drawn = redrawn(both, y, tapes)
    if drawn is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            over = [d[:, 0] / d[:, 1] for d in drawn]
        found["ratio_ci"], found["ratio_mean_recall_ci"] = (bootstrap.percentiles(d) for d in over)
    return found


Embedded = tuple[np.ndarray, np.ndarray]  # vectors (N, D), class ids (N,)


def distances(sets: Mapping[str, Embedded], reference: Embedded, seeds: int) -> dict[str, Any]:
    """KAD, Frechet and support of every set against the reference, all with the same N of each species.

    Each figure is the mean over `seeds` draws, `<name>_sd` their spread. The kernel's width is that of the
    whole reference, so that one ruler serves all rows.
    """
    drawn = [
        alike([reference[1], *(y for _, y in sets.values())], np.random.default_rng([seed, 11]), PER_SPECIES)
        for seed in range(seeds)
    ]
    n = len(drawn[0][0])
    if n < FEWEST:
        return {"n": n, "seeds": seeds, "rows": {}}
    width = generative.median_distance(reference[0])
    rows = {}
    for i, (name, own) in enumerate(sets.items(), start=1):
        tries = [_figures(_rows(reference, chosen[0]), _rows(own, chosen[i]), width) for chosen in drawn]
        rows[name] = {key: float(np.mean([t[key] for t in tries])) for key in tries[0]} | {
            f"{key}_sd": float(np.std([t[key] for t in tries])) for key in tries[0]
        }
    return {"n": n, "seeds": seeds, "rows": rows}


def _rows(of: Embedded, chosen: np.ndarray) -> Embedded:
    return of[0][chosen], of[1][chosen]


def _figures(real: Embedded, made: Embedded, width: float) -> dict[str, float]:
    near = generative.support(real[0], made[0])
    return {
        "kad": generative.kernel_distance(real[0], made[0], width, (real[1], made[1])),
        "frechet": generative.frechet_distance(real[0], made[0]),
        "precision": near.precision,
        "recall": near.recall,
        "density": near.density,
        "coverage": near.coverage,
    }


def diversities(
    made: Mapping[str, tuple[Any, np.ndarray]],
    learnt: tuple[np.ndarray, np.ndarray],
    apart: Any,
    names: Sequence[str],
) -> dict[str, dict[str, float | None]]:
    """For each set (inputs of `apart`, class ids) each species' diversity re the learnt clips'.

    `learnt` is their matrix of distances (L, L) and class ids (L,); `apart(x, y)` measures distances.
    """
    between, y = learnt
    found: dict[str, dict[str, float | None]] = {}
    for row, (x, ids) in made.items():
        found[row] = {}
        for k in np.unique(ids):
            own, real = x[ids == k], between[np.ix_(y == k, y == k)]
            found[row][names[k]] = memory.diversity(apart(own, own), real)
    return found
