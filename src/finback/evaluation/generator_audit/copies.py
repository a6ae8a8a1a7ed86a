"""Whether samples are copies of training clips, in three spaces, and how varied they are.

- `logmel`: level and contrast do not count, any shift in time is tried. The tape counts: its noise and its
  band limits are most of a spectrogram.
- `whitened`: the same without the mean over time of each band, so that only what changes counts.
- `reference_classifier`: its embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.evaluation.generator_audit import set_metrics
from finback.evaluation.generator_audit.windows import AuditData
from finback.metrics.copying import (
    CopyThresholds,
    copying,
    shifted_distances,
    vector_distances,
    whitened,
)

LOGMEL, WHITENED, CLASSIFIER = "logmel", "whitened", "reference_classifier"  # names of the spaces
Matrices = dict[str, NDArray[np.floating]]


def copies(
    data: AuditData, embedded: Mapping[str, NDArray[np.float32]]
) -> tuple[dict[str, Any], CopyThresholds, Matrices, Matrices]:
    """The values in all spaces; on log-mels the thresholds and the distances (N, L) of each set to training
    windows; in each space the distances (L, L) between training windows."""
    spaces: dict[str, tuple[Mapping[str, NDArray[np.float32]], set_metrics.Distances]] = {
        LOGMEL: ({name: w.x for name, w in data.all.items()}, shifted_distances),
        WHITENED: ({name: whitened(w.x) for name, w in data.all.items()}, shifted_distances),
        CLASSIFIER: (embedded, vector_distances),
    }
    result: dict[str, Any] = {}
    between: Matrices = {}
    on_logmels: list[tuple[CopyThresholds, Matrices]] = []
    for space, (values, distance) in spaces.items():
        between[space] = distance(values["train"], values["train"])
        to = {k: distance(v, values["train"]) for k, v in values.items() if k != "train"}
        lowest = {k: d.min(axis=1) for k, d in to.items()}
        thresholds = CopyThresholds.of(between[space], data.real["train"].groups, lowest["held_out"])
        rows = {k: copying(d, thresholds) for k, d in lowest.items()}
        result[space] = {"thresholds": asdict(thresholds), "rows": rows}
        on_logmels.append((thresholds, to))
    return result, *on_logmels[0], between


def diversities(
    data: AuditData, embedded: Mapping[str, NDArray[np.float32]], between: Matrices
) -> dict[str, Any]:
    """Mean and values per species, in the two spaces that have always been there."""
    names, y = data.labels.names, data.real["train"].y
    logmels = {name: (w.x, w.y) for name, w in data.generated.items()}
    vectors = {name: (embedded[name], w.y) for name, w in data.generated.items()}
    values = {
        LOGMEL: set_metrics.diversities(logmels, (between[LOGMEL], y), shifted_distances, names),
        CLASSIFIER: set_metrics.diversities(vectors, (between[CLASSIFIER], y), vector_distances, names),
    }
    return {
        space: {row: {"mean": _mean(list(each.values())), "per_species": each} for row, each in rows.items()}
        for space, rows in values.items()
    }


def _mean(values: list[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return float(np.mean(defined)) if defined else None
