"""Whether samples hold calls as real clips do: `finback.metrics.coherence` by species, beside real clips.

A measure of a species is right if its mean over the samples is within 20 % of its mean over the
training clips of the generator. Real clips of other tapes show how often that is so without any generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.features.spec import FeatureSpec
from finback.metrics.coherence import common_share, kurtosis, periodicity, ridge_length

MEASURES = ("common_share", "periodicity", "ridge_s", "kurtosis")
WITHIN = 0.2
Means = dict[str, dict[str, float]]  # species -> measure -> mean


@dataclass(frozen=True, eq=False)
class Spectrograms:
    """N log-mels (N, M, F) in dB, their class ids (N,), and how many frames of each are sound (None: all)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    frames: NDArray[np.int64] | None = None


def coherence(
    sets: Mapping[str, Spectrograms], train: str, spec: FeatureSpec, names: Sequence[str]
) -> dict[str, Any]:
    """The measures of each set, compared with those of the set named `train`.

    A row has the mean over species of each measure, `within` (how many species are right, by measure),
    `n_species`, and `per_species`.
    """
    return compared({k: species_means(own, spec, names) for k, own in sets.items() if len(own.y)}, train)


def compared(means: Mapping[str, Means], train: str) -> dict[str, Any]:
    """The rows of `coherence` from the means of each set."""
    return {name: _row(own, means.get(train, {}), name == train) for name, own in means.items()}


def _row(own: Means, train: Means, is_train: bool) -> dict[str, Any]:
    row: dict[str, Any] = {m: float(np.mean([v[m] for v in own.values()])) for m in MEASURES}
    common = [name for name in own if name in train]
    row["n_species"] = len(common)
    row["within"] = (
        None if is_train else {m: sum(_right(own[k][m], train[k][m]) for k in common) for m in MEASURES}
    )
    return {**row, "per_species": own}


def _right(value: float, real: float) -> bool:
    return abs(value - real) <= WITHIN * real


def species_means(own: Spectrograms, spec: FeatureSpec, names: Sequence[str]) -> Means:
    """By species, the mean of each measure."""
    hop_s = spec.hop / spec.sample_rate
    values = {
        "common_share": common_share(own.x, own.frames),
        "periodicity": periodicity(own.x, hop_s, own.frames),
        "ridge_s": ridge_length(own.x, hop_s, own.frames),
        "kurtosis": kurtosis(own.x, own.frames),
    }
    return {names[k]: {m: float(v[own.y == k].mean()) for m, v in values.items()} for k in np.unique(own.y)}
