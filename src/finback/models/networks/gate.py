"""The gate: whether a window holds a call of any of the species, from the embedding of the classifier.

    gated = GatedHead(model.head, gate)     # (B, D) -> (B, K + 1): logits of species, then the gate's
    gate(z)                                 # (B, D) -> (B,) log odds of a known species against none of them

`metrics/gate.py` explains and fits the numbers; `Gate.forward` is `GateFit.odds` as a network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """J classes of a discriminant analysis, some of them species, and one border; see `metrics/gate.py`."""

    centre: Tensor  # (D,)
    weight: Tensor  # (J, D)
    bias: Tensor  # (J,)
    is_species: Tensor  # (J,) uint8
    linear: Tensor  # (D,)
    scale: Tensor  # (3,) slopes of both scores, and the offset

    def __init__(self, **tensors: Tensor) -> None:
        """Raises `TypeError` unless the tensors are those above."""
        super().__init__()
        if set(tensors) != {"centre", "weight", "bias", "is_species", "linear", "scale"}:
            raise TypeError(f"the tensors of a gate are {', '.join(sorted(tensors))}")
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, z: Tensor) -> Tensor:
        """(B, D) -> (B,); each row by itself, so that its bits do not depend on its neighbours."""
        x = z - self.centre
        classes = (x[:, None, :] * self.weight).sum(dim=2) + self.bias  # (B, J)
        known = self.is_species.bool()
        first = classes[:, known].logsumexp(dim=1) - classes[:, ~known].logsumexp(dim=1)
        second = (x * self.linear).sum(dim=1)
        return self.scale[0] * first + self.scale[1] * second + self.scale[2]


class GatedHead(nn.Module):
    """A head with a gate beside it: (B, D) -> (B, K + 1)."""

    def __init__(self, head: nn.Module, gate: Gate) -> None:
        super().__init__()
        self.head, self.gate = head, gate

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([self.head(z), self.gate(z)[:, None]], dim=1)
