"""Measures between sets of windows: accuracies, distances, diversity. Plain values for the audit's JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.evaluation.generator_audit.embeddings import Embedded
from finback.evaluation.generator_audit.windows import Windows, balanced, per_clip
from finback.metrics import bootstrap, generative
from finback.metrics.copying import diversity

PER_SPECIES = 20  # windows of one species at most, so that the most common species does not dominate
FEWEST = generative.K + 2  # with fewer windows there is no k-th neighbour
Distances = Callable[[Any, Any], NDArray[np.floating]]  # N and L items -> (N, L)


def predictions(logits: NDArray[np.floating], windows: Windows) -> NDArray[np.int64]:
    """Logits of windows (N, K) -> class ids of clips (C,), from the mean over the windows of a clip."""
    return per_clip(logits, windows)[0].argmax(axis=1)


def truth(windows: Windows) -> NDArray[np.int64]:
    """(C,) class ids of the clips."""
    return windows.y[np.unique(windows.clip, return_index=True)[1]]


def accuracies(correct: NDArray[Any], windows: Windows, names: Sequence[str]) -> dict[str, Any]:
    """Accuracy over clips, mean recall over species, and recall of each species.

    `correct` (C,) is the share of correct predictions of each clip, 0 to 1. Real clips have intervals over
    groups; samples have no groups and no intervals.
    """
    _, y, groups = per_clip(np.zeros((len(windows), 1)), windows)
    if not len(correct):
        return {"n_clips": 0, "accuracy": None, "mean_recall": None, "per_species": {}}
    per_species = {
        names[k]: {"recall": float(correct[y == k].mean()), "n_clips": int((y == k).sum())}
        for k in np.unique(y)
    }
    result: dict[str, Any] = {
        "n_clips": len(correct),
        "accuracy": float(correct.mean()),
        "mean_recall": float(np.mean([s["recall"] for s in per_species.values()])),
        "per_species": per_species,
    }
    if windows.spans:
        means = resampled_means(correct[:, None].astype(float), y, groups)
        result["n_groups"] = len(set(groups))
        result["accuracy_ci"] = None if means is None else bootstrap.percentiles(means[0][:, 0])
        result["mean_recall_ci"] = None if means is None else bootstrap.percentiles(means[1][:, 0])
    return result


def resampled_means(
    values: NDArray[np.float64], y: NDArray[np.integer], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Means of values (C, D) over clips (B, D), and over the means of species (B, D), in B bootstrap draws.

    Each draw resamples whole groups. A species that is missing in a draw is left out of that draw's mean.
    None if there is only one group.
    """
    codes, n_groups = bootstrap.group_codes(groups)
    if n_groups < 2:
        return None
    draws = bootstrap.draw_groups(n_groups)  # (B, G)
    weights = draws[:, codes].astype(float)  # (B, C)
    overall = weights @ values / weights.sum(axis=1, keepdims=True)
    kinds = np.unique(y)
    with np.errstate(invalid="ignore"):
        each = [weights[:, y == k] @ values[y == k] / weights[:, y == k].sum(axis=1)[:, None] for k in kinds]
    return overall, np.nanmean(each, axis=0)


def accuracy_ratio(generated: NDArray[Any], real: NDArray[Any], windows: Windows) -> dict[str, Any]:
    """Accuracy of a student trained on samples over that of one trained on real clips, paired over groups.

    `generated` and `real` (C,) are the shares of correct predictions on the same real clips.
    """
    _, y, groups = per_clip(np.zeros((len(windows), 1)), windows)
    if not len(real) or not real.any():
        return {"ratio": None, "ratio_ci": None, "ratio_mean_recall": None, "ratio_mean_recall_ci": None}
    both = np.stack([generated, real], axis=1).astype(float)
    by_species = np.mean([both[y == k].mean(axis=0) for k in np.unique(y)], axis=0)
    result: dict[str, Any] = {
        "ratio": float(generated.mean() / real.mean()),
        "ratio_ci": None,
        "ratio_mean_recall": float(by_species[0] / by_species[1]),
        "ratio_mean_recall_ci": None,
    }
    means = resampled_means(both, y, groups)
    if means is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [m[:, 0] / m[:, 1] for m in means]
        result["ratio_ci"], result["ratio_mean_recall_ci"] = (bootstrap.percentiles(r) for r in ratios)
    return result


def distances(sets: Mapping[str, Embedded], reference: Embedded, seeds: int) -> dict[str, Any]:
    """KAD, Frechet distance and support of every set against the reference.

    All sets have equal numbers of each species in each draw.

    Each value is the mean over `seeds` draws, `<name>_sd` its standard deviation. The kernel's width is that
    of the whole reference, so that all rows use the same width.
    """
    drawn = [
        balanced(
            [reference[1], *(y for _, y in sets.values())], np.random.default_rng([seed, 11]), PER_SPECIES
        )
        for seed in range(seeds)
    ]
    n = len(drawn[0][0])
    if n < FEWEST:
        return {"n": n, "seeds": seeds, "rows": {}}
    width = generative.median_distance(reference[0])
    rows = {}
    for i, (name, own) in enumerate(sets.items(), start=1):
        values = [_measures(_rows(reference, chosen[0]), _rows(own, chosen[i]), width) for chosen in drawn]
        rows[name] = {key: float(np.mean([v[key] for v in values])) for key in values[0]} | {
            f"{key}_sd": float(np.std([v[key] for v in values])) for key in values[0]
        }
    return {"n": n, "seeds": seeds, "rows": rows}


def _rows(of: Embedded, chosen: NDArray[np.int64]) -> Embedded:
    return of[0][chosen], of[1][chosen]


def _measures(real: Embedded, generated: Embedded, width: float) -> dict[str, float]:
    support = generative.support(real[0], generated[0])
    return {
        "kad": generative.kernel_distance(real[0], generated[0], width, (real[1], generated[1])),
        "frechet": generative.frechet_distance(real[0], generated[0]),
        "precision": support.precision,
        "recall": support.recall,
        "density": support.density,
        "coverage": support.coverage,
    }


def diversities(
    sets: Mapping[str, tuple[Any, NDArray[np.integer]]],
    train: tuple[NDArray[np.floating], NDArray[np.integer]],
    distance: Distances,
    names: Sequence[str],
) -> dict[str, dict[str, float | None]]:
    """The diversity of each species in each set, relative to that of its training clips.

    `sets` holds the inputs of `distance` and class ids (N,) by name; `train` the distances (L, L) between
    training windows and their class ids (L,).
    """
    between, y = train
    result: dict[str, dict[str, float | None]] = {}
    for name, (x, ids) in sets.items():
        result[name] = {}
        for k in np.unique(ids):
            own, real = x[ids == k], between[np.ix_(y == k, y == k)]
            result[name][names[k]] = diversity(distance(own, own), real)
    return result
