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
from finback.training.sampling import group_codes


class Fittable(Protocol):
    """A classifier with a head that is fitted in closed form."""

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> None:
        """Features (N, D), class ids (N,), weights (N,) and group ids (N,) of the training windows."""
        ...

    def left_out(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """(N, K) logits of each window by heads that were not fitted to its group; NaN where none can."""
        ...


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of labelled clips. The weights of the windows of a clip add up to 1."""

    x: NDArray[np.float32]  # (N, D)
    y: NDArray[np.int64]  # (N,) class ids
    weights: NDArray[np.float64]  # (N,)
    groups: NDArray[np.int64]  # (N,) ids of recording groups
    clip: NDArray[np.int64]  # (N,) position of each window's clip

    @classmethod
    def of(
        cls, clips: Sequence[Clip], store: FeatureStore, labels: Labels, progress: Progress = no_progress
    ) -> Windows:
        """Read the features of the clips, which are computed where they are missing."""
        windows = [store(clip) for clip in progress(clips, "reading", len(clips))]
        n = np.array([len(w) for w in windows])
        clip = np.repeat(np.arange(len(clips)), n)
        targets = labels.targets(clips)
        return cls(np.concatenate(windows), targets[clip], (1.0 / n)[clip], group_codes(clips)[clip], clip)


def fit_head(model: Classifier, windows: Windows) -> None:
    """Fit the head of the model in place."""
    cast(Fittable, model).fit(windows.x, windows.y, windows.weights, windows.groups)


def left_out_logits(model: Classifier, windows: Windows) -> NDArray[np.float32]:
    """(clips, K) logits of each clip, the mean over its windows, by heads not fitted to its group.

    NaN for clips of a species that only their own group has. K is 0 when no clip can be left out.
    """
    of_windows = cast(Fittable, model).left_out(windows.x, windows.y, windows.weights, windows.groups)
    sums = np.zeros((int(windows.clip.max()) + 1, of_windows.shape[1]))
    np.add.at(sums, windows.clip, of_windows * windows.weights[:, None])
    return sums.astype(np.float32)
