"""The nearest clip of each clip, measured among the vectors: a layout in two dimensions may mislead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Shares 0..1 of clips; None if there is nothing to compare.

    `same_group`: the nearest clip is from the same recording group, over clips whose group has several clips.
    `same_species`: the nearest clip from another group is of the same species, over species with several
    groups, for clips that were used in training; `same_species_new`: the same for the other clips.
    `..._by_chance`: the share that clips drawn at random would have.
    """

    same_group: float | None
    same_group_by_chance: float | None
    same_species: float | None
    same_species_new: float | None
    same_species_by_chance: float | None


def neighbours(
    vectors: NDArray[np.floating],
    species: Sequence[str],
    groups: Sequence[str],
    seen_in_training: NDArray[np.bool_],
) -> Neighbours:
    """Measured among all pairs of vectors (N, D), by Euclidean distance. A clip of group "" is its own group.

    `seen_in_training` (N,): which clips were used in training.
    """
    n = len(vectors)
    x = vectors.astype(np.float64) - vectors.mean(axis=0)
    square = (x**2).sum(axis=1)
    far = square[:, None] + square[None] - 2 * x @ x.T  # (N, N)
    np.fill_diagonal(far, np.inf)
    kind = np.unique(np.asarray(species), return_inverse=True)[1]
    named = [group or f"\0{i}" for i, group in enumerate(groups)]
    group = np.unique(np.asarray(named), return_inverse=True)[1]
    rows, away = np.arange(n), group[:, None] != group[None]

    in_group = ~away & ~np.eye(n, dtype=bool)
    several = in_group.any(axis=1)
    nearest_same = in_group[rows, far.argmin(axis=1)]

    alike = (kind[:, None] == kind[None]) & away
    tested = alike.any(axis=1)
    elsewhere_same = alike[rows, np.where(away, far, np.inf).argmin(axis=1)]
    return Neighbours(
        _share(nearest_same, several),
        _share(in_group.sum(axis=1) / max(n - 1, 1), several),
        _share(elsewhere_same, tested & seen_in_training),
        _share(elsewhere_same, tested & ~seen_in_training),
        _share(alike.sum(axis=1) / away.sum(axis=1).clip(1), tested),
    )


def _share(values: NDArray[np.generic], among: NDArray[np.bool_]) -> float | None:
    """Mean of the values (N,) where `among` (N,) is true."""
    return float(values[among].mean()) if among.any() else None
