"""How far generated sounds are from real ones, as two sets of vectors (N, D) in one embedding space.

    kernel_distance(real, made)         # KAD: unbiased, trustworthy at a hundred sounds
    frechet_distance(real, made)        # what most papers report; biased, only ever compare at the same N
    support(real, made)                 # precision, recall, density, coverage

All are computed in double precision. None of them tells whether the sounds are copies: see `memorisation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist

KAD_SCALE = 100.0  # as in the authors' own programme, so that figures can be set beside published ones
K = 5  # neighbours that make a ball: what Naeem et al. settled on


def median_distance(x: np.ndarray) -> float:
    """Median Euclidean distance between the rows of (N, D), the usual width of a Gaussian kernel.

    Raises `ValueError` below two rows, or where most rows are equal.
    """
    if len(x) < 2:
        raise ValueError(f"{len(x)} vectors have no distance between them")
    median = float(np.median(pdist(np.asarray(x, dtype=np.float64))))
    if median <= 0:
        raise ValueError("most vectors are equal: their median distance is 0")
    return median


def kernel_distance(
    real: np.ndarray,
    made: np.ndarray,
    bandwidth: float | None = None,
    strata: tuple[np.ndarray, np.ndarray] | None = None,
) -> float:
    """Kernel audio distance between (N, D) and (L, D): 100 times the unbiased squared MMD.

    k(a, b) = exp(-|a - b|^2 / (2 s^2)), s the median distance of `real` unless given. Unbiased: for two draws
    of one distribution it is 0 on average at any N, so it may come out below 0.

    Where a number of each species was drawn, rather than whatever comes, `strata` are the species (N,) and
    (L,): no sound is paired with itself, so pairs of one species would be too few within a set, and the
    distance too low. They count n / (n - 1)-fold then, which is unbiased again; no species may stand alone.
    Sources: Chung et al. 2025, "KAD: no more FAD!", arXiv 2502.15602; Gretton et al. 2012, JMLR 13, eq. 3.
    """
    _check(real, made)
    width = median_distance(real) if bandwidth is None else bandwidth
    gamma = 1.0 / (2.0 * width**2)
    kinds = strata or (np.zeros(len(real), dtype=int), np.zeros(len(made), dtype=int))
    within = [_within(x, kind, gamma) for x, kind in zip((real, made), kinds, strict=True)]
    across = np.exp(-gamma * cdist(real, made, "sqeuclidean")).mean()
    return float(KAD_SCALE * (within[0] + within[1] - 2.0 * across))


def _within(x: np.ndarray, kind: np.ndarray, gamma: float) -> float:
    """Mean kernel of two independent draws from the strata of (N, D), estimated without bias."""
    counts = np.bincount(kind)[kind].astype(float)  # (N,)
    if counts.min() < 2:
        raise ValueError("a stratum of one has no pairs")
    kernel = np.exp(-gamma * cdist(x, x, "sqeuclidean"))
    np.fill_diagonal(kernel, 0.0)
    same = kind[:, None] == kind[None, :]
    return float((kernel * np.where(same, counts / (counts - 1.0), 1.0)).sum() / len(x) ** 2)


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """Frechet distance between normal distributions fitted to (N, D) and (L, D).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), with the plain covariances, nothing shrunk. The last trace is
    the sum of the singular values of A B', A and B the centred rows over sqrt(N - 1): exact too where N is
    below D, and no matrix root is needed. Biased upwards by about D / N of the variance: only rows of one N
    may be compared.
    Sources: Dowson & Landau 1982; Kilgour et al. 2019 (FAD).
    """
    _check(real, made)
    a, b = (np.asarray(x, dtype=np.float64) for x in (real, made))
    means = a.mean(axis=0), b.mean(axis=0)
    a, b = ((x - m) / np.sqrt(len(x) - 1) for x, m in zip((a, b), means, strict=True))
    # With more rows than dimensions, triangles of the same A'A and B'B do, and are smaller.
    if min(len(a), len(b)) > a.shape[1]:
        a, b = np.linalg.qr(a)[1], np.linalg.qr(b)[1]
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    apart = np.sum((means[0] - means[1]) ** 2)
    return float(max(0.0, apart + np.sum(a**2) + np.sum(b**2) - 2.0 * root))


@dataclass(frozen=True)
class Support:
    """Shares 0..1, except density, which may pass 1. See `support`."""

    precision: float
    recall: float
    density: float
    coverage: float


def support(real: np.ndarray, made: np.ndarray, k: int = K) -> Support:
    """Whether made sounds lie where real ones do, and everywhere where they do; (N, D) and (L, D).

    A ball around each sound reaches to its k-th nearest neighbour in its own set. Precision: share of made
    sounds in any real ball; recall: share of real sounds in any made ball (Kynkaanniemi et al. 2019).
    Density: how many real balls a made sound is in, over k; coverage: share of real balls with a made sound
    in them (Naeem et al. 2020, more robust to outliers). Two draws of one distribution with N = L have
    coverage 1 - 2^-k, about.
    Raises `ValueError` unless both sets have more than k rows.
    """
    _check(real, made)
    if min(len(real), len(made)) <= k:
        raise ValueError(f"{len(real)} and {len(made)} vectors have no {k}-th neighbours")
    across = cdist(real, made)  # (N, L)
    in_real = across <= _radius(real, k)[:, None]
    in_made = across <= _radius(made, k)[None, :]
    return Support(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_made.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float(in_real.any(axis=1).mean()),
    )


def _radius(x: np.ndarray, k: int) -> np.ndarray:
    """(N,) distance of each row to its k-th nearest neighbour; itself is the 0-th."""
    found: np.ndarray = np.partition(cdist(x, x), k, axis=1)[:, k]
    return found


def _check(real: np.ndarray, made: np.ndarray) -> None:
    if real.ndim != 2 or made.ndim != 2 or real.shape[1] != made.shape[1]:
        raise ValueError(f"sets of shapes {real.shape} and {made.shape} are not in one space")
    if min(len(real), len(made)) < 2:
        raise ValueError(f"{len(real)} and {len(made)} vectors are too few for a distance")
