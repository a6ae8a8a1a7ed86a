"""How often each training clip is drawn: more often if its species or its recording group has few clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finback.core.types import Clip
from finback.training.loop_settings import TrainingSettings


def draw_weights(clips: Sequence[Clip], targets: np.ndarray, settings: TrainingSettings) -> np.ndarray:
    """Probability (N,) of each training clip to be drawn; `targets` (N,) are the class ids of the clips.

    With `balance = "sampling"` every species is drawn equally often. A species with fewer than `full_share`
    clips is drawn less often, in proportion: otherwise the only clip of a species would be drawn as often as
    all forty clips of another. With "tapes", also the recording groups (tapes, deployments, site-days) of a
    species are drawn equally often, whatever their numbers of clips.
    """
    if settings.balance not in ("sampling", "tapes"):
        return np.full(len(targets), 1.0 / len(targets))
    n_clips = np.bincount(targets)[targets]
    weights = 1.0 / np.maximum(n_clips, settings.full_share)
    if settings.balance == "tapes":
        groups = [c.group_key for c in clips]
        pairs, group, group_clips = np.unique(
            [f"{t} {g}" for t, g in zip(targets, groups, strict=True)],
            return_inverse=True,
            return_counts=True,
        )
        n_groups = np.bincount([int(p.split(" ", 1)[0]) for p in pairs])[targets]
        weights = weights * n_clips / (n_groups * group_clips[group])
    return weights / weights.sum()


def draws_per_epoch(clips: Sequence[Clip]) -> int:
    """The number of real clips: synthetic clips do not make an epoch longer."""
    return sum(not c.synthetic for c in clips) or len(clips)


def group_codes(clips: Sequence[Clip]) -> np.ndarray:
    """(N,) int64 ids of the groups of the clips, from 0, in the order of the names of the groups."""
    _, codes = np.unique([c.group_key for c in clips], return_inverse=True)
    return codes.reshape(-1).astype(np.int64)
