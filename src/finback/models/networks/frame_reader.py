"""The common part of families that read a spectrogram frame by frame.

A convolutional stem turns the spectrogram into a sequence of frames. Each family processes the sequence by
its method `read`. Attention pooling and the maximum over frames pool the result.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import AttentionPool, FrameStem, Standardise
from finback.models.networks.classifier import Classifier


class FrameReader(Classifier):
    """A family defines `read`; its constructor creates the layers of `read`, and then `pool`."""

    pool: AttentionPool  # over D numbers a frame

    def __init__(
        self, spec: FeatureSpec, n_classes: int, width: int, bands: int, dim: int, dropout: float
    ) -> None:
        super().__init__(spec, n_classes, n_features=2 * dim, dropout=dropout)
        self.standardise = Standardise(spec.scale)
        self.stem = FrameStem(width, bands, dim)

    def read(self, frames: Tensor) -> Tensor:
        """(B, F', D) -> (B, F', D)."""
        raise TypeError(f"{type(self).__name__} does not define read")

    def embed(self, x: Tensor) -> Tensor:
        read = self.read(self.stem(self.standardise(x)))  # (B, F', D)
        return torch.cat([self.pool(read), read.amax(dim=1)], dim=1)  # (B, 2 D)
