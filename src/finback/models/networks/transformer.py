"""`transformer`: self-attention between the frames of a clip.

Good for: calls made of parts that stand apart, such as repeated pulses, codas or phrases, since every frame
looks at every other at once; and for larger collections than a few hundred clips, where it gains most. On few
clips it needs the convolutions it starts with: they turn the picture into a row of about 28 tokens, so that
attention costs next to nothing and there is less to learn. Sines and cosines tell each token its place.

Sources: Vaswani et al. 2017; Xiao et al. 2021 (early convolutions help transformers see); layer norm before
each part, Xiong et al. 2020.
"""

from __future__ import annotations

from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import AttentionPool, positions
from finback.models.networks.frame_reader import FrameReader


class Transformer(FrameReader):
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
        super().__init__(spec, n_classes, width, bands, dim, dropout)
        self.dropout = nn.Dropout(dropout / 4)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout / 4, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False
        )
        self.pool = AttentionPool(dim)

    def read(self, frames: Tensor) -> Tensor:
        placed = frames + positions(frames.shape[1], frames.shape[2]).to(frames)
        attended: Tensor = self.encoder(self.dropout(placed))  # (B, F', D)
        return attended
