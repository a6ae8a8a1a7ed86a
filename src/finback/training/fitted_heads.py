"""Heads that are fitted in closed form: to the windows of the training clips, and across left-out groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress, no_progress
from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore
from finback.models.networks.classifier import Classifier
from finback.training.copies import copies_of
from finback.training.sampling import group_codes


class Fittable(Protocol):
    """A classifier with a head that is fitted in closed form."""

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, real: np.ndarray
    ) -> None:
        """Features (N, D), class ids (N,), weights (N,) and group ids (N,) of the training windows.

        `real` (N,) is False for augmented copies, which decide no temperature.
        """
        ...

    def left_out(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, real: np.ndarray
    ) -> np.ndarray:
        """(N, K) logits of each window by heads that were not fitted to its group.

        NaN where none can, and for augmented copies.
        """
        ...


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of labelled clips, and their augmented copies. The weights of a clip add up to 1."""

    x: NDArray[np.float32]  # (N, D)
    y: NDArray[np.int64]  # (N,) class ids
    weights: NDArray[np.float64]  # (N,)
    groups: NDArray[np.int64]  # (N,) ids of recording groups
    clip: NDArray[np.int64]  # (N,) position of each window's clip
    real: NDArray[np.bool_]  # (N,) False for copies

    @classmethod
    def of(
        cls,
        clips: Sequence[Clip],
        store: FeatureStore,
        labels: Labels,
        progress: Progress = no_progress,
        copies: int = 0,
    ) -> Windows:
        """Read the features of the clips and of so many copies of each, computed where they are missing.

        The windows of a clip have together the weight of one copy.
        """
        x, n = [], []
        for clip in progress(clips, "reading", len(clips)):
            windows = store(clip)
            x += [windows, copies_of(store, clip, copies)] if copies else [windows]
            n.append(len(windows))
        counts = np.array(n)
        clip_of = np.repeat(np.arange(len(clips)), counts + copies)
        last = np.cumsum(counts + copies)[clip_of]
        real = np.arange(len(clip_of)) < last - copies
        weights = np.where(real, 1.0 / counts[clip_of], 1.0) / (1 + copies)
        targets, groups = labels.targets(clips), group_codes(clips)
        return cls(np.concatenate(x), targets[clip_of], weights, groups[clip_of], clip_of, real)


def fit_head(model: Classifier, windows: Windows) -> None:
    """Fit the head of the model in place."""
    w = windows
    cast(Fittable, model).fit(w.x, w.y, w.weights, w.groups, w.real)


def left_out_logits(model: Classifier, windows: Windows) -> NDArray[np.float32]:
    """(clips, K) logits of each clip, the mean over its windows, by heads not fitted to its group.

    NaN for clips of a species that only their own group has. K is 0 when no clip can be left out. Augmented
    copies do not count.
    """
    w = windows
    of_windows = cast(Fittable, model).left_out(w.x, w.y, w.weights, w.groups, w.real)[w.real]
    clip = w.clip[w.real]
    sums = np.zeros((int(clip.max()) + 1, of_windows.shape[1]))
    np.add.at(sums, clip, of_windows * (1.0 / np.bincount(clip))[clip, None])
    return sums.astype(np.float32)
