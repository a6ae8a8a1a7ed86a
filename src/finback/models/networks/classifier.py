"""The interface of every classifier family.

A family has a constructor `(spec, n_classes, **hyperparameters)`, `input`, the name of its front end,
`forward(x) -> logits (B, K)` and `embed(x) -> (B, D)`. Models get no paths, files or clips.

`stages` names the stages of its training in their order: "contrast" (contrastive pre-training), "classify"
(cross-entropy by gradient descent), "fit" (a head fitted in closed form to frozen embeddings).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.prototypes import imprinted

Stage = Literal["contrast", "classify", "fit"]


class Classifier(nn.Module):
    """An encoder and a linear head: `forward` is the head on top of `embed`."""

    input: ClassVar[str] = "logmel"  # its front end: "logmel" (B, 1, M, F), "wave" (B, T), a backbone (B, D)
    stages: ClassVar[tuple[Stage, ...]] = ("classify",)
    licence: ClassVar[str] = ""  # of pretrained weights, shown before first use; "" = none
    files: ClassVar[Mapping[str, str]] = {}  # setting that is a file -> name of its copy in a run folder
    no_graph: ClassVar[str] = ""  # why an ONNX graph cannot hold it; "" = it can, if its front end can
    rows: ClassVar[int] = 8  # windows on which it always runs on a CPU, so that batches change no bit
    slower: ClassVar[Mapping[str, float]] = {}  # parts by name -> share of the learning rate that they get
    supports_imprinting: ClassVar[bool] = True  # the head has a row for each class, which `imprint` needs

    def __init__(self, spec: FeatureSpec, n_classes: int, n_features: int, dropout: float) -> None:
        super().__init__()
        self.spec = spec
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_features, n_classes))

    @property
    def front_end_settings(self) -> Mapping[str, str]:
        """Settings of the front end besides the spec, such as the file of a backbone."""
        return {}

    def embed(self, x: Tensor) -> Tensor:
        """Inputs (B, 1, M, F), (B, T) or (B, D) -> embeddings (B, D)."""
        raise TypeError(f"{type(self).__name__} does not define embed")

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, M, F), (B, T) or (B, D) -> logits (B, K)."""
        return self.head(self.embed(x))

    @torch.no_grad()
    def imprint(self, z: Tensor, y: Tensor, rare: Sequence[int]) -> None:
        """Add the classes `rare` without training, by prototypes (`finback.models.networks.prototypes`).

        `z` (N, D) are embeddings of training clips, `y` (N,) their class ids, rare ones and others.
        """
        last = cast(nn.Linear, self.head[-1])
        rows, biases = imprinted(z, y, last.weight.cpu(), last.bias.cpu(), rare)
        last.weight[list(rare)] = rows.to(last.weight.device)
        last.bias[list(rare)] = biases.to(last.bias.device)

    @property
    def n_parameters(self) -> int:
        """The number of trained values."""
        return sum(p.numel() for p in self.parameters())
