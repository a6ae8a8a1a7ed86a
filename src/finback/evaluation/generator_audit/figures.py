"""The audit's two figures, from distances to what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.types import Labels
from finback.evaluation.generator_audit.windows import Windows
from finback.metrics.copying import best_shift
from finback.report.plots import style
from finback.report.plots.neighbours import Pair, nearest_distances, neighbours

WORDS = {"held_out": "real, held out of the same tapes", "unseen": "real, unseen tapes"}


def closest(
    samples: Windows, learnt: Windows, distances: np.ndarray, labels: Labels, typical: float | None = None
) -> list[Pair]:
    """For each species the sample that lies nearest to a learnt window, by distances (N, L), nearest
    first."""
    pairs = []
    for k in np.unique(samples.y):
        own = np.flatnonzero(samples.y == k)
        i = own[distances[own].min(axis=1).argmin()]
        j = int(distances[i].argmin())
        rolled = np.roll(learnt.x[j], best_shift(samples.x[i], learnt.x[j]), axis=1)
        ratio = float(distances[i, j]) / typical if typical else float("nan")
        pairs.append(Pair(labels.names[k], samples.x[i], rolled, labels.names[learnt.y[j]], ratio))
    return sorted(pairs, key=lambda pair: pair.distance)


def save(
    folder: Path, pairs: Sequence[Pair], distances: Mapping[str, np.ndarray], marks: Mapping[str, Any]
) -> None:
    """`neighbours` and `nearest` in the folder; `distances` (N, L) to learnt windows by set."""
    style.save(neighbours(pairs), folder, "neighbours")
    words = {"nearest": "1 % of real clips, to another tape", "typical": "a held-out clip's median"}
    lines = {text: float(marks[key]) for key, text in words.items() if marks[key] is not None}
    rows = {WORDS.get(name, f"samples: {name}"): d.min(axis=1) for name, d in distances.items() if len(d)}
    style.save(nearest_distances(rows, lines), folder, "nearest")
