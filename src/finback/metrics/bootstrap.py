"""Confidence intervals by bootstrap over recording groups (tapes, deployments, site-days).

Clips of one group resemble each other, so resampling clips would give intervals that are far too narrow.
Therefore whole groups are drawn with replacement (the cluster bootstrap: Field & Welsh 2007, "Bootstrapping
clustered data", J. R. Statist. Soc. B 69:369-390). The ends of the interval are percentiles of the statistic
over the draws (Efron & Tibshirani 1993, ch. 13).

A draw is a row of multiplicities: how often each group was drawn. Statistics that are sums over groups are
matrix products with these rows, so a thousand draws cost little.

Rules for degenerate cases: with one group or none there is no interval (None), because nothing was repeated.
Draws on which the statistic is undefined (NaN) are left out; if more than half of the draws are undefined,
there is no interval. Where all groups agree, all draws do too, and the percentiles would pretend that a share
of 5 of 5 is certain: `share_interval` and `rate_interval` then give the exact interval of so many independent
trials.
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


def share_interval(
    values: np.ndarray, share: float, n_groups: int, level: float = 0.95
) -> list[float] | None:
    """[low, high] of a share from its draws (B,); `n_groups` groups have something to count.

    None for fewer than two such groups, or an undefined share. If the share is 0 or 1 in every group, the
    ends are those of Clopper & Pearson (1934, Biometrika 26:404-413) for 0 or n of n groups.
    """
    ends = percentiles(values, level)
    if n_groups < 2 or ends is None or not np.isfinite(share):
        return None
    if ends[0] == ends[1] == share and share in (0, 1):
        wide = ((1 - level) / 2) ** (1 / n_groups)
        return [wide, 1.0] if share == 1 else [0.0, 1 - wide]
    return ends


def rate_interval(values: np.ndarray, rate: float, hours: float, level: float = 0.95) -> list[float] | None:
    """[low, high] of a number per hour from its draws (B,), counted in `hours`; None for an undefined rate.

    If nothing was counted at all, the upper end is that of a Poisson number of 0.
    """
    ends = percentiles(values, level)
    if ends is None or not np.isfinite(rate) or not hours > 0:
        return None
    return [0.0, -float(np.log((1 - level) / 2)) / hours] if rate == 0 and ends[1] == 0 else ends


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
