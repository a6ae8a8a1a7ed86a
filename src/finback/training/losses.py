"""Losses besides cross-entropy: contrast between species across recording groups, and robustness to groups.

A recording group is a tape, a deployment or a site-day: clips that must not be split.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def supcon(z: Tensor, label: Tensor, group: Tensor, temperature: float, across: bool) -> Tensor:
    """Supervised contrastive loss of unit vectors (N, P) with class ids (N,) and group ids (N,).

    Khosla et al. 2020, "Supervised Contrastive Learning", eq. 2 (the sum outside the logarithm): the loss
    pulls every vector towards the others of its species and pushes it away from all other vectors. With
    `across`, the positives of a clip are the clips of its species in other groups, where there are any. Clips
    of its species in its own group are then neither pulled nor pushed, because the model would learn the
    group from either.
    """
    n = len(z)
    similarity = z @ z.T / temperature
    itself = torch.eye(n, dtype=torch.bool, device=z.device)
    same = (label[:, None] == label[None, :]) & ~itself
    compared = ~itself
    if across:
        other = same & (group[:, None] != group[None, :])
        has_other = other.any(dim=1, keepdim=True)
        compared = compared & ~(has_other & same & ~other)
        same = torch.where(has_other, other, same)
    logits = similarity.masked_fill(~compared, float("-inf"))
    log_share = similarity - torch.logsumexp(logits, dim=1, keepdim=True)  # (N, N)
    n_positive = same.sum(dim=1)
    anchors = n_positive > 0
    if not anchors.any():
        return z.sum() * 0.0
    per_anchor = -(log_share * same).sum(dim=1) / n_positive.clamp_min(1)
    return per_anchor[anchors].mean()


class _Reverse(torch.autograd.Function):
    """Identity in the forward pass; the backward pass multiplies the gradient by `-weight`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradient[0], None


def reverse_gradient(x: Tensor, weight: float) -> Tensor:
    """Gradient reversal (Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks", eq. 13)."""
    return _Reverse.apply(x, weight)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


class GroupAware(nn.Module):
    """A classifier with the parts that make its training robust to groups. Only the classifier is kept.

    `group_head` predicts the group from the embedding, and its gradient is reversed (adversarial).
    `log_weights` are the weights of the groups in group DRO (Sagawa et al. 2020, "Distributionally Robust
    Neural Networks", algorithm 1): a group with a larger loss gets a larger weight.
    """

    log_weights: Tensor

    def __init__(self, classifier: nn.Module, n_features: int, n_groups: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.group_head = nn.Sequential(nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, n_groups))
        self.register_buffer("log_weights", torch.zeros(n_groups))

    def forward(self, x: Tensor, reverse: float) -> tuple[Tensor, Tensor]:
        """(B, ...) -> (logits of species (B, K), logits of groups (B, G))."""
        embedding = self.classifier.embed(x)  # type: ignore[operator]
        return self.classifier.head(embedding), self.group_head(reverse_gradient(embedding, reverse))  # type: ignore[operator]

    def robust(self, losses: Tensor, group: Tensor, rate: float) -> Tensor:
        """Clip losses (B,) and group ids (B,) -> their mean, weighted by group.

        In training, each log weight grows by `rate` times the mean loss of its group.
        """
        n_groups = len(self.log_weights)
        count = torch.bincount(group, minlength=n_groups)
        mean = torch.zeros(n_groups, device=losses.device).index_add(0, group, losses) / count.clamp_min(1)
        if self.training:
            self.log_weights += rate * mean.detach()
            self.log_weights -= self.log_weights.logsumexp(dim=0)
        present = torch.where(count > 0, self.log_weights, torch.full_like(self.log_weights, -torch.inf))
        return (present.softmax(dim=0) * mean).sum()
