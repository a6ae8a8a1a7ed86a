"""Families that read a spectrogram frame by frame: what they have in common.

A convolutional stem turns the spectrogram into a row of frames, each family reads that row in its own way,
and attention pooling and the maximum over frames pool the result.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import AttentionPool, FrameStem, Standardise
from finback.models.networks.classifier import Classifier


class FrameReader(Classifier):
    """`read` is the family's own; it makes its layers, and then `pool`, in its constructor."""

    pool: AttentionPool  # over D numbers a frame

    def __init__(
        self, spec: FeatureSpec, n_classes: int, width: int, bands: int, dim: int, dropout: float
    ) -> None:
        super().__init__(spec, n_classes, n_features=2 * dim, dropout=dropout)
        self.standardise = Standardise()
        self.stem = FrameStem(width, bands, dim)

    def read(self, frames: Tensor) -> Tensor:
        """(B, F', D) -> (B, F', D)."""
        raise TypeError(f"{type(self).__name__} does not define read")

    def embed(self, x: Tensor) -> Tensor:
        read = self.read(self.stem(self.standardise(x)))  # (B, F', D)
        return torch.cat([self.pool(read), read.amax(dim=1)], dim=1)  # (B, 2 D)
