"""Distances between a set of generated sounds and a set of real sounds, both embedded as vectors (N, D).

    kernel_distance(real, generated)    # KAD: unbiased, reliable with a hundred sounds
    frechet_distance(real, generated)   # reported in most papers; biased: compare only at the same N
    support(real, generated)            # precision, recall, density, coverage

All are computed in double precision. None of them shows whether the sounds are copies: see `copying`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

KAD_SCALE = 100.0  # as in the program of the authors, so that figures can be compared with published ones
K = 5  # the ball around a vector reaches to its K-th neighbour, as in Naeem et al.


def median_distance(x: np.ndarray) -> float:
    """Median Euclidean distance between vectors (N, D), the usual width of a Gaussian kernel.

    Raises `ValueError` for fewer than two vectors, or where most vectors are equal.
    """
    if len(x) < 2:
        raise ValueError(f"{len(x)} vectors have no distance between them")
    median = float(np.median(pdist(np.asarray(x, dtype=np.float64))))
    if median <= 0:
        raise ValueError("most vectors are equal: their median distance is 0")
    return median


def kernel_distance(
    real: np.ndarray,
    generated: np.ndarray,
    bandwidth: float | None = None,
    strata: tuple[np.ndarray, np.ndarray] | None = None,
) -> float:
    """Kernel audio distance between (N, D) and (L, D): 100 times the unbiased squared MMD.

    k(a, b) = exp(-|a - b|^2 / (2 s^2)); s is `bandwidth`, by default the median distance within `real`. The
    estimate is unbiased: for two samples of one distribution its mean is 0 at any N, so it may be negative.

    If a fixed number of sounds was drawn from each species, give the species (N,) and (L,) as `strata`. No
    sound is paired with itself, so there would be too few pairs of one species within a set, and the distance
    would be too low. With `strata`, these pairs have the weight n / (n - 1), which makes the estimate
    unbiased again; a species needs at least two sounds. Raises `ValueError` for sets that cannot be compared.
    Sources: Chung et al. 2025, "KAD: no more FAD!", arXiv 2502.15602; Gretton et al. 2012, JMLR 13, eq. 3.
    """
    _check(real, generated)
    width = median_distance(real) if bandwidth is None else bandwidth
    gamma = 1.0 / (2.0 * width**2)
    kinds = strata or (np.zeros(len(real), dtype=int), np.zeros(len(generated), dtype=int))
    within = [_within(x, kind, gamma) for x, kind in zip((real, generated), kinds, strict=True)]
    across = np.exp(-gamma * cdist(real, generated, "sqeuclidean")).mean()
    return float(KAD_SCALE * (within[0] + within[1] - 2.0 * across))


@dataclass(frozen=True, eq=False)
class KernelBlocks:
    """Mean kernels between species, from which the KAD of any weighting of the species follows.

    Each species has the same weight, whatever the numbers of its sounds: a set with another mixture of
    species than the reference is not farther away for that reason.
    """

    real: NDArray[np.float64]  # (S, S) mean kernel between real sounds of two species; within one, of pairs
    generated: NDArray[np.float64]  # (S, S)
    across: NDArray[np.float64]  # (S, S) real species by generated species

    @classmethod
    def of(
        cls, real: np.ndarray, real_species: np.ndarray, generated: np.ndarray, species: np.ndarray
    ) -> KernelBlocks:
        """From vectors (N, D) and (L, D) with species (N,) and (L,); species with two sounds in both count.

        The kernel is that of `kernel_distance`, as wide as the median distance within `real`. Raises
        `ValueError` for sets that cannot be compared.
        """
        _check(real, generated)
        names = [
            k
            for k in np.intersect1d(real_species, species)
            if min((real_species == k).sum(), (species == k).sum()) > 1
        ]
        if not names:
            raise ValueError("no species has two sounds in both sets")
        gamma = 1.0 / (2.0 * median_distance(real[np.isin(real_species, names)]) ** 2)
        own = _shares(real_species, names), _shares(species, names)
        within = [_block_means(x, share, gamma) for x, share in zip((real, generated), own, strict=True)]
        across = own[0] @ np.exp(-gamma * cdist(real, generated, "sqeuclidean")) @ own[1].T
        return cls(within[0], within[1], across)

    def distance(self, weights: np.ndarray | None = None) -> float:
        """KAD with weights (S,) of the species; None: all the same."""
        w = np.ones(len(self.real)) if weights is None else np.asarray(weights, dtype=np.float64)
        w = w / w.sum()
        return float(KAD_SCALE * (w @ (self.real + self.generated - 2.0 * self.across) @ w))

    def interval(self) -> list[float] | None:
        """[low, high]: 95 % over species, by the jackknife (Efron & Tibshirani 1993, ch. 11); None for one.

        A bootstrap would draw some species twice. That adds to the pairs within a species, and the distance
        of the draws would be too large.
        """
        n = len(self.real)
        if n < 2:
            return None
        left_out = [self.distance(np.arange(n) != i) for i in range(n)]
        error = float(np.std(left_out) * np.sqrt(n - 1))
        return [self.distance() - 1.96 * error, self.distance() + 1.96 * error]


def _shares(species: np.ndarray, names: list[object]) -> NDArray[np.float64]:
    """(S, N) weights that give the mean over the sounds of each species."""
    share = np.stack([species == k for k in names]).astype(np.float64)
    mean: NDArray[np.float64] = share / share.sum(axis=1, keepdims=True)
    return mean


def _block_means(x: np.ndarray, share: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """(S, S) mean kernels between sounds of two species; no sound is paired with itself."""
    kernel = np.exp(-gamma * cdist(x, x, "sqeuclidean"))
    np.fill_diagonal(kernel, 0.0)
    means: NDArray[np.float64] = share @ kernel @ share.T
    n = (share > 0).sum(axis=1)
    means[np.diag_indices(len(n))] *= n / (n - 1.0)
    return means


def _within(x: np.ndarray, kind: np.ndarray, gamma: float) -> float:
    """Unbiased mean of the kernel over two independent draws from the strata (N,) of vectors (N, D)."""
    counts = np.bincount(kind)[kind].astype(float)  # (N,)
    if counts.min() < 2:
        raise ValueError("a stratum with one vector has no pairs")
    kernel = np.exp(-gamma * cdist(x, x, "sqeuclidean"))
    np.fill_diagonal(kernel, 0.0)
    same = kind[:, None] == kind[None, :]
    return float((kernel * np.where(same, counts / (counts - 1.0), 1.0)).sum() / len(x) ** 2)


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Frechet distance between normal distributions fitted to (N, D) and (L, D).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), with sample covariances and no shrinkage. The trace of the
    matrix root is the sum of the singular values of A B', where A and B are the centred vectors over sqrt(N -
    1). This is exact also where N is below D. The distance is biased upwards by about D / N of the variance:
    compare only distances with the same N. Sources: Dowson & Landau 1982; Kilgour et al. 2019 (FAD).
    """
    _check(real, generated)
    a, b = (np.asarray(x, dtype=np.float64) for x in (real, generated))
    means = a.mean(axis=0), b.mean(axis=0)
    a, b = ((x - m) / np.sqrt(len(x) - 1) for x, m in zip((a, b), means, strict=True))
    # With more vectors than dimensions, triangular matrices with the same A'A and B'B are smaller.
    if min(len(a), len(b)) > a.shape[1]:
        a, b = np.linalg.qr(a)[1], np.linalg.qr(b)[1]
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    apart = np.sum((means[0] - means[1]) ** 2)
    return float(max(0.0, apart + np.sum(a**2) + np.sum(b**2) - 2.0 * root))


@dataclass(frozen=True)
class Support:
    """Shares 0..1, except density, which may exceed 1. See `support`."""

    precision: float
    recall: float
    density: float
    coverage: float


def support(real: np.ndarray, generated: np.ndarray, k: int = K) -> Support:
    """Whether generated vectors (L, D) lie within the support of the real ones (N, D), and cover it.

    The ball around each vector reaches to its k-th nearest neighbour in its own set. Precision: share of the
    generated vectors in the ball of any real vector; recall: share of the real vectors in the ball of any
    generated vector (Kynkaanniemi et al. 2019). Density: number of real balls that contain a generated
    vector, over k; coverage: share of the real balls that contain a generated vector (Naeem et al. 2020, more
    robust to outliers). Two samples of one distribution with N = L have a coverage of about 1 - 2^-k. Raises
    `ValueError` unless both sets have more than k vectors.
    """
    _check(real, generated)
    if min(len(real), len(generated)) <= k:
        raise ValueError(f"{len(real)} and {len(generated)} vectors have no {k}-th neighbours")
    across = cdist(real, generated)  # (N, L)
    in_real = across <= _radius(real, k)[:, None]
    in_generated = across <= _radius(generated, k)[None, :]
    return Support(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_generated.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float(in_real.any(axis=1).mean()),
    )


def _radius(x: np.ndarray, k: int) -> NDArray[np.float64]:
    """Distance (N,) of each vector (N, D) to its k-th nearest neighbour; the 0-th is the vector itself."""
    return np.partition(cdist(x, x), k, axis=1)[:, k]


def _check(real: np.ndarray, generated: np.ndarray) -> None:
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(f"sets of shapes {real.shape} and {generated.shape} are not in one space")
    if min(len(real), len(generated)) < 2:
        raise ValueError(f"{len(real)} and {len(generated)} vectors are too few for a distance")
