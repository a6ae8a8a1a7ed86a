"""Parts of trained classifiers in a form that can be traced into a graph, with precomputed constants.

    model = traceable(leaf.model)  # a copy on the CPU with the same results

A graph has no loops over data and lacks some functions of PyTorch. The parts below have the same weights and
compute the same as the parts that they replace.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from finback.models.export.frontend import framed
from finback.models.networks.classifier import Classifier
from finback.models.networks.cnn1d import SincBank
from finback.models.networks.gate import GatedHead
from finback.models.networks.heads import LEAST, Forest, Svm


class TraceableBank(SincBank):
    """`SincBank` with constant filters."""

    kept: Tensor

    def __init__(self, bank: SincBank) -> None:
        nn.Module.__init__(self)
        self.length, self.stride = bank.length, bank.stride
        with torch.no_grad():
            self.register_buffer("kept", bank.filters(), persistent=False)

    def filters(self) -> Tensor:
        return self.kept

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (0, max(0, self.length - x.shape[-1])))
        n_frames = (x.shape[-1] - self.length) // self.stride + 1
        used = x[:, : (n_frames - 1) * self.stride + self.length]
        frames = framed(used, self.length, self.stride, n_frames)  # (B, F, L)
        cosine, sine = (frames @ self.kept.T).chunk(2, dim=-1)  # (B, F, K) each
        return (cosine.square() + sine.square()).transpose(1, 2)  # (B, K, F)


class TraceableSvm(Svm):
    """`Svm` without `torch.cdist`, which cannot be exported."""

    def __init__(self, head: Svm) -> None:
        super().__init__(head.n_classes, head.c)
        self._keep(**{name: value.numpy() for name, value in head.named_buffers()})

    def _distance(self, x: Tensor) -> Tensor:
        return (x[:, None] - self.support).square().sum(dim=2).sqrt()  # (B, V)


class TraceableForest(nn.Module):
    """`Forest` with a fixed number of steps, the depth of the deepest tree, for all trees at once."""

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    share: Tensor
    root: Tensor

    def __init__(self, head: Forest) -> None:
        super().__init__()
        self.depth = int(head.depth)
        for name in ("feature", "threshold", "left", "right", "share", "root"):
            self.register_buffer(name, head.get_buffer(name), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        node = self.root.expand(x.shape[0], -1)  # (B, trees)
        for _ in range(self.depth):
            goes_left = x.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])
        return self.share[node].mean(dim=1).clamp_min(LEAST).log()


REPLACED_BY: dict[type, Any] = {SincBank: TraceableBank, Svm: TraceableSvm, Forest: TraceableForest}


def traceable(model: Classifier) -> nn.Module:
    """A copy in evaluation mode, on the CPU, without trainable parameters and without a gate."""
    model = copy.deepcopy(model).cpu()
    if isinstance(model.head, GatedHead):
        model.add_module("head", model.head.head)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) in REPLACED_BY:
                setattr(module, name, REPLACED_BY[type(child)](child))
    return model.eval().requires_grad_(False)
