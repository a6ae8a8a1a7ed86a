"""A kernel density of each species on the unit sphere: how many training clips lie near, and how near.

    p(x | species) = mean over its tapes of the mean over their examples x_i of exp(b cos(x, x_i))

The kernel is that of von Mises and Fisher (Mardia & Jupp 2000, "Directional Statistics", section 12.4). A
species may have any shape and several places; near examples decide, and the border is smooth. All tapes of a
species have equal weight, however many clips were cut from them. The concentration b is not fitted
(docs/decisions/0051).
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from finback.models.networks.heads import ABSENT, Standardised

CONCENTRATION = 10.0  # b
MOST_DIRECTIONS = 400  # kept of long vectors: the rest holds little, and every example is stored


class KernelDensity(Standardised):
    """The log density of each species; all recording groups of a species have the same weight."""

    directions: Tensor  # (P, D)
    vectors: Tensor  # (N, P) training examples, of length 1
    share: Tensor  # (N, S) weight of each example in the mean of its species

    def __init__(self, n_classes: int) -> None:
        super().__init__(n_classes)
        self._name(directions=torch.float32, vectors=torch.float32, share=torch.float32)

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """As `Head.fit`, with the group ids (N,) of the examples. None: each example is a group."""
        groups = np.arange(len(y)) if groups is None else groups
        z = self._standardise(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), weights)
        # Two iterations in single precision find the same directions as more of them in a third of the time.
        pca = PCA(min(MOST_DIRECTIONS, *z.shape), iterated_power=2, random_state=0).fit(z.astype(np.float32))
        z = z @ pca.components_.T  # (N, P)
        classes, of = np.unique(y, return_inverse=True)
        share = np.zeros((len(y), len(classes)))
        pairs, pair = np.unique(np.stack([of, groups]), axis=1, return_inverse=True)
        pair = pair.reshape(-1)  # (N,) number of the pair (species, group)
        in_group = weights / np.bincount(pair, weights)[pair]
        share[np.arange(len(y)), of] = in_group / np.bincount(pairs[0])[of]
        unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
        self._keep(directions=pca.components_, vectors=unit, share=share, classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        z = self._standard(nn.functional.normalize(x, dim=1, eps=1e-9)) @ self.directions.T  # (B, P)
        cosine = nn.functional.normalize(z, dim=1, eps=1e-9) @ self.vectors.T  # (B, N)
        density = (CONCENTRATION * (cosine - 1.0)).exp() @ self.share  # (B, S), at least exp(-2 b)
        return self._spread(density.log(), self.classes, ABSENT)
