"""Logits of training examples from heads that were not fitted to their recording group (tape, deployment).

A head knows the tapes that it was fitted to, so its logits there say nothing about new tapes. Here the tapes
are dealt into folds, and a copy of the head is fitted to all folds but one and applied to the one left out
(cross-fitting: Stone 1974, "Cross-validatory choice and assessment of statistical predictions", J. R.
Statist. Soc. B 36:111-147). So every tape counts as a new one, once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

FOLDS = 5


class Fittable(Protocol):
    """What is cross-fitted: a head, or a classifier that is one."""

    n_classes: int

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """Fit to vectors (N, D), class ids (N,), weights (N,) and group ids (N,)."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """(B, D) -> logits (B, K)."""
        ...


def group_folds(y: np.ndarray, groups: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices to fit to, and indices left out, of each fold; groups stay whole.

    Left out are only examples whose class is in another fold too: no head can name the others. Folds that
    leave one class to fit to, or nothing to apply the head to, are skipped.
    """
    # scikit-learn needs one class with an example for each fold.
    n_folds = min(FOLDS, len(np.unique(groups)), int(np.unique(y, return_counts=True)[1].max(initial=0)))
    if n_folds < 2:
        return
    dealt = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():  # a class with fewer examples than folds is no fault here
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(dealt.split(np.zeros(len(y)), y, groups))
    for train, held in folds:
        known = held[np.isin(y[held], y[train])]
        if len(known) and len(np.unique(y[train])) > 1:
            yield train, known


def left_out_logits(
    copy: Callable[[], Fittable],
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
    real: np.ndarray | None = None,
) -> NDArray[np.float32]:
    """(N, K) logits of each example by a head of `copy` that was not fitted to its group.

    Rows are NaN for examples of a class that no other group has. `x` (N, D), `y` (N,), `weights` (N,),
    `groups` (N,) are as in `Fittable.fit`. Rows where `real` (N,) is False are augmented copies: they are
    fitted to, with their group, and get no logits. The folds are the same without them. None: all are real.
    """
    logits: NDArray[np.float32] | None = None
    rows = np.arange(len(y)) if real is None else np.flatnonzero(real)
    for fold, left_out in group_folds(y[rows], groups[rows]):
        held = rows[left_out]
        train = np.flatnonzero(np.isin(groups, groups[rows[fold]]))
        head = copy()
        head.fit(x[train], y[train], weights[train], groups[train])
        with torch.inference_mode():
            found = head(torch.from_numpy(x[held].astype(np.float32))).numpy()
        if logits is None:
            logits = np.full((len(y), found.shape[1]), np.nan, np.float32)
        logits[held] = found
    return np.zeros((len(y), 0), np.float32) if logits is None else logits
