"""Mixup and cutmix: clips of a batch are mixed with each other, and their labels in the same shares.

Mixup adds two clips (Zhang et al. 2018, ICLR, "mixup: beyond empirical risk minimization"). Cutmix replaces a
part of one clip by that of another (Yun et al. 2019, ICCV): here all frequencies of a time interval, because
a call is an event in time. The last axis is time, of spectrograms (B, 1, M, F) and of waves (B, T). Mixup
takes inputs of any shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Box = tuple[int, int]  # first and stop, along the last axis


@dataclass(frozen=True)
class MixDraw:
    """The drawn parameters of a batch; without `order` nothing is mixed."""

    order: np.ndarray | None = None  # (B,) index of the clip that each clip is mixed with
    share: float = 1.0  # share of each clip that stays
    box: Box | None = None  # cutmix: the interval that is replaced


def draw_mix(rng: np.random.Generator, n_clips: int, mixup: float, cutmix: float, length: int) -> MixDraw:
    """Draw the parameters of a batch. `mixup` and `cutmix`: parameters of Beta distributions, 0 = off.

    With both on, each is drawn for half the batches. `length` is the size of the last axis. With cutmix off,
    one beta and one permutation are drawn; with both off, nothing.
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
    """Inputs (B, ...) and soft labels (B, K) -> both mixed, or the same tensors if nothing is mixed."""
    if d.order is None:
        return x, y
    order = torch.from_numpy(d.order).to(x.device)
    return mixup(x, y, d.share, order) if d.box is None else cutmix(x, y, d.box, order)


def mixup(x: Tensor, y: Tensor, share: float, order: Tensor) -> tuple[Tensor, Tensor]:
    """`share` x each clip + (1 - `share`) x its partner `order` (B,), for inputs and labels."""
    return torch.lerp(x[order], x, share), torch.lerp(y[order], y, share)


def cutmix(x: Tensor, y: Tensor, box: Box, order: Tensor) -> tuple[Tensor, Tensor]:
    """Each clip with the interval `box` of its partner; labels by the share of time that stays."""
    first, stop = box
    mixed = x.clone()
    mixed[..., first:stop] = x[order][..., first:stop]
    return mixed, torch.lerp(y[order], y, 1.0 - (stop - first) / x.shape[-1])
