"""Whose clip lies nearest: measured among the vectors themselves, since a layout in the plane may mislead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whose clip is nearest, in shares 0..1 over clips; None where there is nothing to compare.

    `same_tape`: the nearest clip of all is of the same tape, over clips whose tape has several.
    `same_species`: the nearest clip of another tape is of the same species, over species with several tapes,
    for clips that were learnt from; `same_species_new` for clips that were not. `..._by_chance`: what clips
    taken at random would give.
    """

    same_tape: float | None
    same_tape_by_chance: float | None
    same_species: float | None
    same_species_new: float | None
    same_species_by_chance: float | None


def neighbours(
    vectors: np.ndarray, species: Sequence[str], tapes: Sequence[str], heard: np.ndarray
) -> Neighbours:
    """Measured among all pairs of vectors (N, D), by Euclidean distance. A tape "" is one of its own.

    `heard` (N,) bool: which clips were learnt from.
    """
    n = len(vectors)
    x = vectors.astype(np.float64) - vectors.mean(axis=0)
    square = (x**2).sum(axis=1)
    far = square[:, None] + square[None] - 2 * x @ x.T  # (N, N)
    np.fill_diagonal(far, np.inf)
    kind = np.unique(np.asarray(species), return_inverse=True)[1]
    named = [tape or f"\0{i}" for i, tape in enumerate(tapes)]
    tape = np.unique(np.asarray(named), return_inverse=True)[1]
    rows, away = np.arange(n), tape[:, None] != tape[None]

    in_tape = ~away & ~np.eye(n, dtype=bool)
    several = in_tape.any(axis=1)
    nearest_same = in_tape[rows, far.argmin(axis=1)]

    alike = (kind[:, None] == kind[None]) & away
    fair = alike.any(axis=1)
    elsewhere_same = alike[rows, np.where(away, far, np.inf).argmin(axis=1)]
    return Neighbours(
        _share(nearest_same, several),
        _share(in_tape.sum(axis=1) / max(n - 1, 1), several),
        _share(elsewhere_same, fair & heard),
        _share(elsewhere_same, fair & ~heard),
        _share(alike.sum(axis=1) / away.sum(axis=1).clip(1), fair),
    )


def _share(values: np.ndarray, among: np.ndarray) -> float | None:
    return float(values[among].mean()) if among.any() else None
