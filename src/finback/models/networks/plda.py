"""A group-aware head: discriminant analysis with a random effect of the recording group (such as a tape).

    clip = mean + species + group + rest

Species, group and rest are independent normal deviations with a variance in every direction. This is
probabilistic linear discriminant analysis, which speaker recognition uses for unseen telephones (Prince &
Elder 2007, "Probabilistic Linear Discriminant Analysis for Inferences About Identity", ICCV). It has one more
level, the group, and diagonal covariances after standardising and PCA. If a species has one group, its mean
is uncertain: the mean is shrunk towards the mean of all species, and the variance is large. Twenty clips of
one group have hardly more weight than two. Logistic regression does not model this.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from finback.models.networks.heads import ABSENT, Standardised

# Smallest variances, as shares of the variance of the same direction and of the mean over all directions:
# estimates from few groups are noisy, and few clips fit the last directions by chance.
FLOOR, LEAST = 0.1, 0.03


class Plda(Standardised):
    """Species, group and rest in `size` directions; the logit is the log likelihood in an unseen group."""

    directions: Tensor  # (P, D)
    centre: Tensor  # (S, P) mean of each species
    spread: Tensor  # (S, P) variance of its clips in an unseen group

    def __init__(self, n_classes: int, size: int = 80) -> None:
        super().__init__(n_classes)
        self.size = size
        self._name(directions=torch.float32, centre=torch.float32, spread=torch.float32)

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """As `Head.fit`, with the group ids (N,) of the examples. None: each example is a group."""
        z = self._standardise(_unit(x), weights)
        pca = PCA(min(self.size, *z.shape), random_state=0).fit(z)
        z = (z - z.mean(axis=0)) @ pca.components_.T  # (N, P)
        classes = np.unique(y)
        groups = np.arange(len(y)) if groups is None else groups
        centre, spread = species(z, np.searchsorted(classes, y), weights, groups)
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
    z: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (S, P) of the clips of each species in an unseen group.

    `z` (N, P), `y` (N,) class ids from 0, `weights` (N,) the share of a clip that an example is, `groups`
    (N,) group ids. The three variances are those of an analysis of variance: of each level, less the part
    that the level below explains.
    """
    _, of = np.unique(np.stack([y, groups]), axis=1, return_inverse=True)
    of = of.reshape(-1)  # (N,) number of the pair (species, group)
    n = np.bincount(of, weights)  # (G,) clips in each
    mean = np.stack([np.bincount(of, weights * column) for column in z.T], axis=1) / n[:, None]  # (G, P)
    kind = np.zeros(len(n), dtype=np.int64)
    kind[of] = y
    whole = np.average((z - np.average(z, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    floor = np.maximum(FLOOR * whole, LEAST * whole.mean())

    inside = (weights[:, None] * (z - mean[of]) ** 2).sum(axis=0)
    rest = np.maximum(inside / max(n.sum() - len(n), 1.0), floor)
    n_groups = np.bincount(kind).astype(float)  # (S,)
    middle = np.stack([np.bincount(kind, column) for column in mean.T], axis=1) / n_groups[:, None]  # (S, P)
    noise = rest * (1 / n)[:, None]  # (G, P) variance of the mean of each group
    between = ((mean - middle[kind]) ** 2).sum(axis=0)
    explained = (noise * (1 - 1 / n_groups[kind])[:, None]).sum(axis=0)
    group = np.maximum((between - explained) / max(len(n) - len(n_groups), 1.0), floor)
    error = np.stack([np.bincount(kind, c) for c in (group + noise).T], axis=1) / n_groups[:, None] ** 2
    apart = np.maximum(middle.var(axis=0, ddof=1) - error.mean(axis=0), floor)

    # The mean of a species: the means of its groups, weighted by precision.
    sure = 1.0 / (group + noise)  # (G, P)
    certainty = np.stack([np.bincount(kind, c) for c in sure.T], axis=1) + 1 / apart
    pull = np.stack([np.bincount(kind, c) for c in (sure * mean).T], axis=1) + middle.mean(axis=0) / apart
    return pull / certainty, 1 / certainty + group + rest


def _unit(x: np.ndarray) -> np.ndarray:
    """(N, D) vectors with length 1: the level of a clip changes the length more than the direction."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
