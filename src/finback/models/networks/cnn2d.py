"""`cnn2d`: a convolutional network over log-mel spectrograms, the most common model of the field.

Good for: contours and pulses whose shape matters more than their place in time. Frequency is kept in a few
broad bands when pooling, because a moan at 200 Hz and one at 2 kHz are different animals; time is pooled by
mean and maximum together, so that one short call in a long window is not averaged away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import ConvBlock, Standardise, convolution
from finback.models.networks.classifier import Classifier


class CNN2D(Classifier):
    """A halving stem, convolution blocks of doubling width, adaptive pooling, linear head."""

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        width: int = 16,
        depth: int = 3,
        pool_bands: int = 3,
        dropout: float = 0.4,
    ) -> None:
        widths = [width * 2**i for i in range(depth)]
        super().__init__(spec, n_classes, n_features=2 * widths[-1] * pool_bands, dropout=dropout)
        self.standardise = Standardise(spec.scale)
        self.stem = convolution(1, width, 5, stride=2)
        self.blocks = nn.Sequential(
            *(ConvBlock(a, b) for a, b in zip([width, *widths], widths, strict=False))
        )
        self.pool_bands = pool_bands
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.4 times faster on CPU

    def embed(self, x: Tensor) -> Tensor:
        x = self.standardise(x).contiguous(memory_format=torch.channels_last)
        h = self.blocks(self.stem(x))  # (B, C, M / 2^(depth + 1), F / 2^(depth + 1))
        bands = nn.functional.adaptive_avg_pool2d(h, (self.pool_bands, h.shape[-1]))  # (B, C, bands, F')
        return torch.cat([bands.mean(dim=-1), bands.amax(dim=-1)], dim=1).flatten(1)  # (B, 2 C bands)
