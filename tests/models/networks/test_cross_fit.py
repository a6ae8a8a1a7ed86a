"""Cross-fitting: an example is scored only by heads that were not fitted to its group."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from finback.models.networks.cross_fit import FOLDS, group_folds, left_out_logits
from finback.models.networks.heads import Logistic
from finback.models.networks.mix import Mix


class Recall:
    """A head that answers with the mean of what it was fitted to, and notes the groups."""

    n_classes = 3
    fitted: list[set[int]]

    def __init__(self, notes: list[set[int]]) -> None:
        self.fitted = notes

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        assert groups is not None
        self.groups = set(groups.tolist())
        self.fitted.append(self.groups)

    def __call__(self, x: Tensor) -> Tensor:
        known = torch.tensor([float(int(row[0]) in self.groups) for row in x])
        return known[:, None].expand(-1, self.n_classes)


def tapes(n_groups: int, n_clips: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors whose first number is their group, class ids, group ids: three classes in turn."""
    groups = np.repeat(np.arange(n_groups), n_clips)
    x = np.stack([groups, np.zeros(len(groups))], axis=1).astype(np.float32)
    return x, groups % 3, groups


def test_no_head_scores_a_group_that_it_was_fitted_to() -> None:
    x, y, groups = tapes(12, 4)
    notes: list[set[int]] = []
    logits = left_out_logits(lambda: Recall(notes), x, y, np.ones(len(y)), groups)
    assert len(notes) == FOLDS
    assert logits.shape == (48, 3)
    assert (logits == 0).all()  # "known" for no row


def test_a_species_of_one_group_has_no_logits_and_no_warning() -> None:
    x, y, groups = tapes(12, 4)
    y = np.where(groups == 5, 3, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = left_out_logits(lambda: Recall([]), x, y, np.ones(len(y)), groups)
    assert np.isnan(logits[groups == 5]).all()
    assert np.isfinite(logits[groups != 5]).all()


def test_one_group_cannot_be_left_out() -> None:
    x, y, _ = tapes(12, 4)
    assert list(group_folds(y, np.zeros(len(y)))) == []
    assert left_out_logits(lambda: Recall([]), x, y, np.ones(len(y)), np.zeros(len(y))).shape == (48, 0)


def test_few_examples_of_each_class_have_fewer_folds() -> None:
    y = np.repeat(np.arange(5), 3)
    assert len(list(group_folds(y, np.arange(len(y))))) == 3
    assert list(group_folds(np.arange(5), np.arange(5))) == []
    assert list(group_folds(np.arange(0), np.arange(0))) == []


def test_a_head_stays_as_it_was_fitted() -> None:
    rng = np.random.default_rng(0)
    x, y, groups = tapes(9, 6)
    x = np.concatenate([x, rng.normal(y[:, None], 1, (len(y), 6))], axis=1).astype(np.float32)
    for head in (Logistic(3), Mix(3, size=4)):
        head.fit(x, y, np.ones(len(y)), groups)
        before = head(torch.from_numpy(x))
        out = head.left_out(x, y, np.ones(len(y)), groups)
        assert torch.equal(head(torch.from_numpy(x)), before)
        assert out.dtype == np.float32
        assert out.shape == (54, 3)
        assert not np.allclose(out, before.numpy(), atol=1e-3)
