"""How familiar a sound is to a classifier: scores that are low for a species that it was not trained on.

Every function returns (N,) scores, higher for what resembles the training species. None of them needs an
example of an unknown species. They come from two sources:

- the logits: the energy log sum_k exp(z_k) (Liu, Wang, Owens & Li 2020, "Energy-based out-of-distribution
  detection", NeurIPS), the largest probability (Hendrycks & Gimpel 2017, "A baseline for detecting
  misclassified and out-of-distribution examples", ICLR) and the largest logit;
- the embeddings: the distance to the nearest mean of the training data with the covariance within classes
  (Lee, Lee, Lee & Shin 2018, "A simple unified framework for detecting out-of-distribution samples and
  adversarial attacks", NeurIPS). The means are of species, or of recording groups (tapes, deployments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf

from finback.core.types import softmax

Floats = NDArray[np.float64]


def energy(logits: np.ndarray) -> Floats:
    """log sum_k exp(z_k) of logits (N, K); the negative of the energy of the paper, so high is familiar."""
    return np.asarray(logsumexp(np.asarray(logits, dtype=np.float64), axis=1))


def largest_probability(logits: np.ndarray) -> Floats:
    """The probability of the most probable class, from logits (N, K)."""
    return np.asarray(softmax(logits).max(axis=1))


def largest_logit(logits: np.ndarray) -> Floats:
    """The largest of the logits (N, K)."""
    return np.asarray(logits, dtype=np.float64).max(axis=1)


@dataclass(frozen=True, eq=False)
class NearestMean:
    """Minus the squared Mahalanobis distance to the nearest of M means, in the whitened space of D."""

    means: Floats  # (M, D), whitened
    whiten: Floats  # (D, D)

    @classmethod
    def fit(cls, embeddings: np.ndarray, of: Sequence[str], classes: Sequence[str]) -> NearestMean:
        """Means of the embeddings (N, D) of each name in `of` (N,), and their covariance within `classes`.

        The covariance is shrunk by the rule of Ledoit & Wolf (2004), since there may be fewer clips than
        dimensions. Raises `ValueError` for no embeddings.
        """
        z = np.asarray(embeddings, dtype=np.float64)
        if not len(z):
            raise ValueError("no embeddings")
        inside = z - _means(z, classes)[1]
        covariance, _ = ledoit_wolf(inside, assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        whiten = vectors / np.sqrt(np.maximum(values, 1e-12))
        return cls(_means(z, of)[0] @ whiten, whiten)

    def score(self, embeddings: np.ndarray) -> Floats:
        """(N,) of embeddings (N, D)."""
        z = np.asarray(embeddings, dtype=np.float64) @ self.whiten
        distance = (z**2).sum(1)[:, None] + (self.means**2).sum(1) - 2 * z @ self.means.T
        return -np.asarray(distance.min(axis=1))


def _means(z: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """The mean of each name (M, D), and that of each row's name (N, D)."""
    _, codes = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    codes = codes.reshape(-1)
    sums = np.zeros((codes.max() + 1, z.shape[1]))
    np.add.at(sums, codes, z)
    means = sums / np.bincount(codes)[:, None]
    return means, means[codes]


def auroc(
    familiar: np.ndarray, unknown: np.ndarray, weights: tuple[np.ndarray, np.ndarray] | None = None
) -> float:
    """The probability that a familiar sound (N,) has a higher score than an unknown one (M,); ties: half.

    `weights` (N,) and (M,): how often each counts. NaN where one side has no weight.
    """
    a, b = weights or (np.ones(len(familiar)), np.ones(len(unknown)))
    values, codes = np.unique(np.concatenate([familiar, unknown]), return_inverse=True)
    codes = codes.reshape(-1)
    one = np.bincount(codes[: len(familiar)], a, len(values))
    other = np.bincount(codes[len(familiar) :], b, len(values))
    if not a.sum() or not b.sum():
        return float("nan")
    below = np.cumsum(other) - other
    return float(np.sum(one * (below + other / 2)) / (a.sum() * b.sum()))
