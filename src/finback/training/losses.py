"""Losses beyond cross-entropy: contrast between species across groups, and robustness to groups."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def supcon(z: Tensor, label: Tensor, group: Tensor, temperature: float, across: bool) -> Tensor:
    """Supervised contrastive loss of unit vectors (N, P) with species (N,) and tapes (N,).

    Khosla et al. 2020, "Supervised Contrastive Learning", eq. 2 (the sum outside the logarithm): every vector
    is drawn to the others of its species and pushed from all the rest. With `across`, clips of another tape
    are its positives wherever there are any; its species on its own tape is then neither pulled nor pushed,
    because putting two cuts of a tape together, or apart, teaches the tape.
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
    """Identity forward; the gradient comes back with its sign turned and scaled."""

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
    """A classifier in training with what fights its knowledge of tapes; only the classifier is kept.

    `tapes` guesses the tape from the embedding, its gradient reversed (adversarial); `log_weights` are the
    weights of the tapes in group DRO (Sagawa et al. 2020, "Distributionally Robust Neural Networks",
    algorithm 1): the worse a tape is served, the more it counts.
    """

    log_weights: Tensor

    def __init__(self, classifier: nn.Module, n_features: int, n_tapes: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.tapes = nn.Sequential(nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, n_tapes))
        self.register_buffer("log_weights", torch.zeros(n_tapes))

    def forward(self, x: Tensor, reverse: float) -> tuple[Tensor, Tensor]:
        """(logits of species (B, K), logits of tapes (B, G))."""
        embedding = self.classifier.embed(x)  # type: ignore[operator]
        return self.classifier.head(embedding), self.tapes(reverse_gradient(embedding, reverse))  # type: ignore[operator]

    def robust(self, losses: Tensor, tape: Tensor, rate: float) -> Tensor:
        """Clip losses (B,) weighted by their tapes' weights, which move by `rate` x each tape's mean loss."""
        n_tapes = len(self.log_weights)
        count = torch.bincount(tape, minlength=n_tapes)
        mean = torch.zeros(n_tapes, device=losses.device).index_add(0, tape, losses) / count.clamp_min(1)
        if self.training:
            self.log_weights += rate * mean.detach()
            self.log_weights -= self.log_weights.logsumexp(dim=0)
        present = torch.where(count > 0, self.log_weights, torch.full_like(self.log_weights, -torch.inf))
        return (present.softmax(dim=0) * mean).sum()
