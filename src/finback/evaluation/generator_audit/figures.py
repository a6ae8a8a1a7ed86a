"""The two figures of an audit, from distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.types import Labels
from finback.evaluation.generator_audit.windows import Windows
from finback.metrics.copying import CopyThresholds, best_shift
from finback.report.plots import style
from finback.report.plots.neighbours import Pair, nearest_distances, neighbours

TITLES = {"held_out": "real, held out, training groups", "unseen": "real, unseen groups"}


def nearest_pairs(
    samples: Windows,
    train: Windows,
    distances: NDArray[np.floating],
    labels: Labels,
    typical: float | None = None,
) -> list[Pair]:
    """For each species the sample that is nearest to a training window, and that window; nearest pairs first.

    `distances` (N, L) between samples and training windows. Each training window is shifted in time to fit.
    """
    pairs = []
    for k in np.unique(samples.y):
        own = np.flatnonzero(samples.y == k)
        i = own[distances[own].min(axis=1).argmin()]
        j = int(distances[i].argmin())
        rolled = np.roll(train.x[j], best_shift(samples.x[i], train.x[j]), axis=1)
        ratio = float(distances[i, j]) / typical if typical else float("nan")
        pairs.append(Pair(labels.names[k], samples.x[i], rolled, labels.names[train.y[j]], ratio))
    return sorted(pairs, key=lambda pair: pair.distance)


def save_figures(
    folder: Path,
    pairs: Sequence[Pair],
    distances: Mapping[str, NDArray[np.floating]],
    thresholds: CopyThresholds,
) -> None:
    """Write `neighbours` and `nearest`. `distances` (N, L) from each set to training windows."""
    style.save(neighbours(pairs), folder, "neighbours")
    values = {
        "1 % of real clips, to another group": thresholds.nearest,
        "median of held-out clips": thresholds.typical,
    }
    lines = {title: value for title, value in values.items() if value is not None}
    rows = {TITLES.get(name, f"samples: {name}"): d.min(axis=1) for name, d in distances.items() if len(d)}
    style.save(nearest_distances(rows, lines), folder, "nearest")
