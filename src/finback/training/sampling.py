"""Which training clips a batch is made of, so that rare species and groups with few clips count enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finback.core.types import Clip
from finback.training.loop_settings import TrainingSettings


def draw_weights(clips: Sequence[Clip], targets: np.ndarray, settings: TrainingSettings) -> np.ndarray:
    """Chance (N,) of each training clip to be drawn; `targets` (N,) are its species' ids.

    Balanced, every species has an equal share, but one with fewer than `full_share` clips a smaller one in
    proportion: otherwise the single clip of a species would be drawn as often as forty of another.
    Balanced by tapes, each tape of a species has an equal part of that share, however many cuts it gave.
    """
    if settings.balance not in ("sampling", "tapes"):
        return np.full(len(targets), 1.0 / len(targets))
    n_clips = np.bincount(targets)[targets]
    weights = 1.0 / np.maximum(n_clips, settings.full_share)
    if settings.balance == "tapes":
        groups = [c.group_key for c in clips]
        pairs, tape, cuts = np.unique(
            [f"{t} {g}" for t, g in zip(targets, groups, strict=True)],
            return_inverse=True,
            return_counts=True,
        )
        tapes = np.bincount([int(p.split(" ", 1)[0]) for p in pairs])[targets]
        weights = weights * n_clips / (tapes * cuts[tape])
    total: np.ndarray = weights / weights.sum()
    return total


def draws_per_epoch(clips: Sequence[Clip]) -> int:
    """As many as there are real clips: synthetic ones among them do not make training longer."""
    return sum(not c.synthetic for c in clips) or len(clips)


def group_codes(clips: Sequence[Clip]) -> np.ndarray:
    """(N,) int64 numbers of the clips' groups, from 0 in the order of their names."""
    _, codes = np.unique([c.group_key for c in clips], return_inverse=True)
    return codes.reshape(-1).astype(np.int64)
