"""A trained run as a small tree, whose leaves are classifiers and whose inner nodes combine predictions.

A run with folds is a node over its folds, an ensemble a node over its members, which may be nodes themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.features.spec import FeatureSpec
from finback.metrics.combination import Combination
from finback.models.networks.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Leaf:
    """One trained classifier, the temperature that calibrates it, and the features it was trained on."""

    model: Classifier
    temperature: float
    spec: FeatureSpec
    backbone_version: str = ""  # of the frozen backbone in training

    @property
    def features_key(self) -> tuple[str, str, str]:
        """Equal for two leaves exactly when one set of features serves both."""
        return (self.spec.fingerprint, self.model.input, self.backbone_version)

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return (self,)

    def answer(self, raw: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(N, K) calibrated logits; `raw` yields each leaf's logits (N, K), depth first."""
        return next(raw) / np.float32(self.temperature)


@dataclass(frozen=True, eq=False)
class Node:
    """A combination of several classifiers, and the temperature that calibrates it."""

    children: tuple[Leaf | Node, ...]
    combination: Combination
    temperature: float = 1.0

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(leaf for child in self.children for leaf in child.leaves)

    def answer(self, raw: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
        """As `Leaf.answer`."""
        from scipy.special import softmax  # 25 MB that a scan by one classifier does not need

        probabilities = [softmax(child.answer(raw).astype(np.float64), axis=1) for child in self.children]
        return (self.combination(np.stack(probabilities)) / self.temperature).astype(np.float32)
