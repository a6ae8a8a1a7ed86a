"""A trained run as a small tree, whose leaves are classifiers and whose inner nodes combine predictions.

A run with folds is a node over its folds, an ensemble a node over its members, which may be nodes themselves.
The classifiers of a run may have gates (`networks/gate.py`). Then the last column of their outputs is the log
odds that a sound holds a call of any of the species. An ensemble has the mean of the log odds of its members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.core.types import with_none
from finback.features.spec import FeatureSpec
from finback.metrics.combination import Combination
from finback.models.networks.classifier import Classifier
from finback.models.networks.gate import GatedHead


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

    @property
    def has_gate(self) -> bool:
        """Whether the outputs of its model have a column more than there are species."""
        return isinstance(self.model.head, GatedHead)

    def answer(self, raw: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(N, K) calibrated logits of the species; `raw` yields each leaf's outputs, depth first."""
        outputs = next(raw)
        return (outputs[:, :-1] if self.has_gate else outputs) / np.float32(self.temperature)


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


def has_gate(root: Leaf | Node) -> bool:
    """Whether all classifiers of a run have gates."""
    return all(leaf.has_gate for leaf in root.leaves)


def gated(root: Leaf | Node, raw: Mapping[Leaf, NDArray[np.float32]]) -> NDArray[np.float32]:
    """(N, K) calibrated logits of the species, from the outputs of each leaf; (N, K + 1) if all have gates.

    The last one is then that of "none of these", and the softmax of all gives probabilities.
    """
    species = root.answer(raw[leaf] for leaf in root.leaves)
    if not has_gate(root):
        return species
    odds = np.stack([raw[leaf][:, -1] for leaf in root.leaves]).mean(axis=0, dtype=np.float64)
    return with_none(species, odds)
