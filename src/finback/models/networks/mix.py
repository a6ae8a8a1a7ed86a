"""The mean of three heads that err in different ways: logistic regression, PLDA, and a kernel density.

Logistic regression draws borders and knows no groups. PLDA knows how far groups lie apart, and takes every
species for one cloud. The kernel density lets a species have any shape and several places. Each head gives
probabilities at a temperature of its own, fitted to recording groups that it was not fitted to; the
logit is the log of the mean of the three.

`fit` and `left_out` need the same left-out logits, five fits of each head. The last ones are kept, so a
training that fits a head and then calibrates it on the same examples computes them once.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from finback.models.networks.heads import Head, Logistic
from finback.models.networks.kernel import KernelDensity
from finback.models.networks.plda import Plda

TEMPERATURES = np.geomspace(0.01, 100.0, 41)
LEAST = 1e-9  # smallest mean probability, so that its logarithm is finite


class Mix(Head):
    """See the module."""

    temperature: Tensor  # (3,)

    def __init__(self, n_classes: int, c: float = 0.01, size: int = 80) -> None:
        super().__init__(n_classes)
        self.heads = nn.ModuleList([Logistic(n_classes, c), Plda(n_classes, size), KernelDensity(n_classes)])
        self._name(temperature=torch.float32)
        self._last: tuple[bytes, np.ndarray] | None = None  # digest of the examples, their left-out logits

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """As `Head.fit`, with the group ids (N,) of the examples. None: each example is a group."""
        groups = np.arange(len(y)) if groups is None else groups
        self.fit_with_copies(x, y, weights, groups, np.ones(len(y), bool))

    def fit_with_copies(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, real: np.ndarray
    ) -> None:
        """As `Head.fit_with_copies`."""
        parts = self._left_out_parts(x, y, weights, groups, real)
        self._keep(temperature=_best_of(parts, y, weights))
        self._fit_heads(x, y, weights, groups)

    def _fit_heads(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> None:
        for head in self.heads:
            cast(Head, head).fit(x, y, weights, groups)

    def left_out(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray,
        real: np.ndarray | None = None,
    ) -> np.ndarray:
        """As `Head.left_out`; the temperatures of the three heads are fitted to the same logits."""
        real = np.ones(len(y), bool) if real is None else real
        parts = self._left_out_parts(x, y, weights, groups, real)
        temperature = torch.from_numpy(_best_of(parts, y, weights))[:, None, None]
        return _log_mean((torch.from_numpy(parts) / temperature).softmax(dim=2)).float().numpy()

    def _left_out_parts(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray,
        real: np.ndarray,
    ) -> np.ndarray:
        """(3, N, K) left-out logits of each head; those of the last call for the same examples."""
        examples = _digest(x, y, weights, groups, real)
        if self._last is None or self._last[0] != examples:
            parts = [cast(Head, head).left_out(x, y, weights, groups, real) for head in self.heads]
            self._last = examples, np.stack(parts)
        return self._last[1]

    def forward(self, x: Tensor) -> Tensor:
        self._check_fitted(self.temperature)
        shares = [(head(x) / t).softmax(dim=1) for head, t in zip(self.heads, self.temperature, strict=True)]
        return _log_mean(torch.stack(shares))


def _digest(*arrays: np.ndarray) -> bytes:
    state = blake2b(digest_size=16)
    for array in arrays:
        state.update(repr((array.dtype.str, array.shape)).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.digest()


def _log_mean(shares: Tensor) -> Tensor:
    """Probabilities (3, B, K) of each head -> log of their mean (B, K)."""
    return shares.mean(dim=0).clamp_min(LEAST).log()


def _best_of(logits: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(3,) temperatures that fit best to left-out logits (3, N, K); 1 where no group can be left out."""
    judged = np.isfinite(logits).all(axis=(0, 2))
    if not logits.size or not judged.any():
        return np.ones(len(logits))
    return np.array([_best(own[judged], y[judged], weights[judged]) for own in logits])


def _best(logits: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """The temperature with the least log loss of logits (N, K)."""
    rows = torch.from_numpy(logits).double()
    own = torch.from_numpy(y).long()
    share = torch.from_numpy(weights).double()
    losses = [
        float((nn.functional.cross_entropy(rows / t, own, reduction="none") * share).sum())
        for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])
