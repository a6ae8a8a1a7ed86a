"""`transformer`: self-attention between the frames of a clip.

Good for: calls made of parts that stand apart, such as repeated pulses, codas or phrases, since every frame
looks at every other at once; and for larger collections than a few hundred clips, where it gains most. On few
clips it needs the convolutions it starts with: they turn the picture into a row of about 28 tokens, so that
attention costs next to nothing and there is less to learn. Sines and cosines tell each token its place.

Sources: Vaswani et al. 2017; Xiao et al. 2021 (early convolutions help transformers see); layer norm before
each part, Xiong et al. 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.blocks import AttentionPool, FrameStem, Standardise, positions
from finback.models.classifier import Classifier


class Transformer(Classifier):
    """A convolutional stem, a transformer encoder over frame tokens, attention pooling."""

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        width: int = 16,
        bands: int = 3,
        dim: int = 96,
        heads: int = 4,
        layers: int = 2,
        dropout: float = 0.4,
    ) -> None:
        super().__init__(spec, n_classes, n_features=2 * dim, dropout=dropout)
        self.standardise = Standardise()
        self.stem = FrameStem(width, bands, dim)
        self.dropout = nn.Dropout(dropout / 4)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout / 4, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False
        )
        self.pool = AttentionPool(dim)

    def embed(self, x: Tensor) -> Tensor:
        tokens = self.stem(self.standardise(x))  # (B, F', D)
        placed = tokens + positions(tokens.shape[1], tokens.shape[2]).to(tokens)
        attended = self.encoder(self.dropout(placed))  # (B, F', D)
        return torch.cat([self.pool(attended), attended.amax(dim=1)], dim=1)  # (B, 2 D)
