"""A group-aware head: a species is what its tapes share, and a new tape will differ again.

    clip = mean + species + tape + rest

with independent normal deviations of their own variance in every direction: probabilistic linear discriminant
analysis, as speaker recognition uses it against new telephones (Prince & Elder 2007, "Probabilistic Linear
Discriminant Analysis for Inferences About Identity", ICCV), with one level more, the tape, and with diagonal
covariances after standardising and PCA. If a species has one tape, its mean is uncertain: the mean is drawn
towards the middle of all species, and the spread is wide. Twenty cuts of one tape count hardly more than two.
Logistic regression does not model this.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from finback.models.networks.heads import ABSENT, Standardised

# No variance is taken for smaller than the first share of its direction's, nor than the second share of the
# average direction's: estimates from few tapes are noisy, and few clips fit the last directions by chance.
FLOOR, LEAST = 0.1, 0.03


class Plda(Standardised):
    """Species, tape and rest in `size` directions; the logit is the log likelihood on a new tape."""

    directions: Tensor  # (P, D)
    centre: Tensor  # (S, P) where a species lies
    spread: Tensor  # (S, P) variance of a clip of it on a new tape

    def __init__(self, n_classes: int, size: int = 80) -> None:
        super().__init__(n_classes)
        self.size = size
        self._name(directions=torch.float32, centre=torch.float32, spread=torch.float32)

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, tapes: np.ndarray | None = None) -> None:
        """As every head, with the examples' tapes (N,); None takes each for a tape of its own."""
        z = self._standardise(_unit(x), weights)
        pca = PCA(min(self.size, *z.shape), random_state=0).fit(z)
        z = (z - z.mean(axis=0)) @ pca.components_.T  # (N, P)
        classes = np.unique(y)
        tapes = np.arange(len(y)) if tapes is None else tapes
        centre, spread = species(z, np.searchsorted(classes, y), weights, tapes)
        self._keep(directions=pca.components_, centre=centre, spread=spread, classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        z = self._standard(nn.functional.normalize(x, dim=1, eps=1e-9)) @ self.directions.T  # (B, P)
        # Sum over directions of (z - m)^2 / v, without (B, S, P) at once.
        precision = 1.0 / self.spread  # (S, P)
        distance = z.square() @ precision.T - 2 * z @ (precision * self.centre).T
        distance = distance + (precision * self.centre.square()).sum(dim=1)
        likelihood = -0.5 * (distance + self.spread.log().sum(dim=1))
        return self._spread(likelihood - likelihood.amax(dim=1, keepdim=True), self.classes, 10 * ABSENT)


def species(
    z: np.ndarray, y: np.ndarray, weights: np.ndarray, tapes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where clips of each species lie on an unseen tape: means and variances (S, P).

    `z` (N, P), `y` (N,) class ids from 0, `weights` (N,) how much of a clip an example is, `tapes` (N,). The
    three variances are those of an analysis of variance: each level's, less what the level below explains.
    """
    _, of = np.unique(np.stack([y, tapes]), axis=1, return_inverse=True)
    of = of.reshape(-1)  # (N,) its (species, tape)
    n = np.bincount(of, weights)  # (T,) clips on each
    mean = np.stack([np.bincount(of, weights * column) for column in z.T], axis=1) / n[:, None]  # (T, P)
    kind = np.zeros(len(n), dtype=np.int64)
    kind[of] = y
    whole = np.average((z - np.average(z, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    floor = np.maximum(FLOOR * whole, LEAST * whole.mean())

    inside = (weights[:, None] * (z - mean[of]) ** 2).sum(axis=0)
    rest = np.maximum(inside / max(n.sum() - len(n), 1.0), floor)
    n_tapes = np.bincount(kind).astype(float)  # (S,)
    middle = np.stack([np.bincount(kind, column) for column in mean.T], axis=1) / n_tapes[:, None]  # (S, P)
    noise = rest * (1 / n)[:, None]  # (T, P) of each tape's mean
    between = ((mean - middle[kind]) ** 2).sum(axis=0)
    explained = (noise * (1 - 1 / n_tapes[kind])[:, None]).sum(axis=0)
    tape = np.maximum((between - explained) / max(len(n) - len(n_tapes), 1.0), floor)
    error = np.stack([np.bincount(kind, c) for c in (tape + noise).T], axis=1) / n_tapes[:, None] ** 2
    apart = np.maximum(middle.var(axis=0, ddof=1) - error.mean(axis=0), floor)

    # Each tape says where its species is, as surely as its own and its clips' deviations allow.
    sure = 1.0 / (tape + noise)  # (T, P)
    certainty = np.stack([np.bincount(kind, c) for c in sure.T], axis=1) + 1 / apart
    pull = np.stack([np.bincount(kind, c) for c in (sure * mean).T], axis=1) + middle.mean(axis=0) / apart
    return pull / certainty, 1 / certainty + tape + rest


def _unit(x: np.ndarray) -> np.ndarray:
    """(N, D) vectors at length 1: a clip's level moves an embedding's length more than its direction."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
