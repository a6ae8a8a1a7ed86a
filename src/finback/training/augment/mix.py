"""Mixing the clips of a batch with each other, and their labels in the same shares.

Mixup adds two clips (Zhang et al. 2018, ICLR, "mixup: beyond empirical risk minimization"); cutmix puts a
piece of one into the other (Yun et al. 2019, ICCV), here all frequencies of a stretch of time, since a call
is a thing in time. The last axis is time: (B, 1, M, F) spectrograms and (B, T) waves alike; mixup takes any
shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Box = tuple[int, int]  # first and stop, along the last axis


@dataclass(frozen=True)
class MixDraw:
    """One batch's mixture; without `order`, none."""

    order: np.ndarray | None = None  # (B,) the clip that each is mixed with
    share: float = 1.0  # that each keeps of itself
    box: Box | None = None  # cutmix: what it gives away


def draw_mix(rng: np.random.Generator, n_clips: int, mixup: float, cutmix: float, length: int) -> MixDraw:
    """Draw for a batch; `mixup` and `cutmix` are the parameters of their Beta distributions, 0 = off.

    With both on, each is drawn for half the batches. `length` is the size of the last axis. With cutmix off
    the numbers drawn are one beta and one permutation; with both off, none.
    """
    if mixup <= 0 and cutmix <= 0:
        return MixDraw()
    cutting = cutmix > 0 and (mixup <= 0 or rng.random() < 0.5)
    alpha = cutmix if cutting else mixup
    share = float(rng.beta(alpha, alpha))
    order = rng.permutation(n_clips)
    if not cutting:
        return MixDraw(order, share)
    cut = round((1.0 - share) * length)
    first = int(rng.integers(0, length - cut + 1))
    return MixDraw(order, 1.0 - cut / length, (first, first + cut))


def apply_mix(x: Tensor, y: Tensor, d: MixDraw) -> tuple[Tensor, Tensor]:
    """Inputs (B, ...) and soft labels (B, K) -> both mixed; the same tensors when nothing was drawn."""
    if d.order is None:
        return x, y
    order = torch.from_numpy(d.order).to(x.device)
    return mixup(x, y, d.share, order) if d.box is None else cutmix(x, y, d.box, order)


def mixup(x: Tensor, y: Tensor, share: float, order: Tensor) -> tuple[Tensor, Tensor]:
    """`share` of each clip and the rest of its partner `order` (B,), inputs and labels alike."""
    return torch.lerp(x[order], x, share), torch.lerp(y[order], y, share)


def cutmix(x: Tensor, y: Tensor, box: Box, order: Tensor) -> tuple[Tensor, Tensor]:
    """Each clip with `box` of its last axis from its partner; labels by what is kept."""
    first, stop = box
    mixed = x.clone()
    mixed[..., first:stop] = x[order][..., first:stop]
    return mixed, torch.lerp(y[order], y, 1.0 - (stop - first) / x.shape[-1])
