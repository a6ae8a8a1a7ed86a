"""The search for the best balance, against all splits of a small case."""

from __future__ import annotations

import numpy as np
import pytest

from finback.data.splits.balance import TEST, TRAIN, VAL, assign


def test_the_search_finds_the_best_of_all_splits_of_a_small_case() -> None:
    """Three tapes locked to each other by shared species, against every one of the 3^6 assignments."""
    counts = np.array([[9, 0, 2], [4, 0, 0], [3, 1, 0], [0, 7, 0], [0, 0, 8], [0, 3, 1]])
    wanted = (0.7, 0.15, 0.15)

    def cost(subsets: np.ndarray) -> float:
        share = np.array([counts[subsets == k].sum(axis=0) for k in range(3)])
        present = np.array([(counts[subsets == k] > 0).any(axis=0) for k in range(3)])
        weight = np.sqrt(counts.sum(axis=0))
        away = np.abs(share / counts.sum(axis=0) - np.array(wanted)[:, None]).sum(axis=0)
        total = np.abs(share.sum(axis=1) / counts.sum() - np.array(wanted)).sum()
        missing = 10 * (~present).sum() + 100 * (present[1:].any(axis=0) & ~present[0]).sum()
        return float(missing + (weight / weight.sum() * away).sum() + total)

    every = np.stack(np.meshgrid(*[[TRAIN, VAL, TEST]] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    assert cost(assign(counts, wanted)) == pytest.approx(min(cost(subsets) for subsets in every))
