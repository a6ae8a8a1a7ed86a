"""Confidence intervals by bootstrap over recording groups (tapes, deployments, site-days).

Clips of one group resemble each other, so resampling clips would give intervals that are far too narrow.
Therefore whole groups are drawn with replacement (the cluster bootstrap: Field & Welsh 2007, "Bootstrapping
clustered data", J. R. Statist. Soc. B 69:369-390). The ends of the interval are percentiles of the statistic
over the draws (Efron & Tibshirani 1993, ch. 13).

A draw is a row of multiplicities: how often each group was drawn. Statistics that are sums over groups are
matrix products with these rows, so a thousand draws cost little.

Rules for degenerate cases: with one group or none there is no interval (None), because nothing was repeated.
Draws on which the statistic is undefined (NaN) are left out; if more than half of the draws are undefined,
there is no interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def group_codes(groups: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """Codes (N,) from 0 of N group names, in the sorted order of the names, and the number of groups."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return codes.reshape(-1), len(names)


def draw_groups(n_groups: int, n_boot: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Multiplicities (n_boot, n_groups): each row draws `n_groups` groups with replacement.

    Raises `ValueError` for no groups or no draws.
    """
    if n_groups < 1 or n_boot < 1:
        raise ValueError(f"cannot draw {n_boot} times from {n_groups} groups")
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_boot)


def percentiles(values: np.ndarray, level: float = 0.95) -> list[float] | None:
    """[low, high] around the middle `level` of the values (B,) of the draws; None when too few are
    defined."""
    defined = values[np.isfinite(values)]
    if 2 * len(defined) < len(values) or len(defined) == 0:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return [float(low), float(high)]


def interval(
    statistic: Callable[[np.ndarray], float],
    groups: Sequence[str],
    n_boot: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[float] | None:
    """[low, high] of any statistic of weighted clips, by drawing whole groups; None for one group.

    `statistic` takes weights (N,) float64, how often each clip was drawn, and returns a number or NaN;
    for an accuracy: `interval(lambda w: np.average(right, weights=w), groups)`.
    """
    codes, n_groups = group_codes(groups)
    if n_groups < 2:
        return None
    draws = draw_groups(n_groups, n_boot, seed)
    return percentiles(np.array([statistic(row[codes].astype(float)) for row in draws]), level)
