"""`transformer`: self-attention between the frames of a clip.

Good for: calls of several separate parts, such as repeated pulses, codas or phrases, because every frame
attends to all other frames; and for collections of more than a few hundred clips, where it gains most. With
few clips, it needs the convolutions before it: they turn the spectrogram into a sequence of about 28 tokens,
so attention is fast and there is less to learn. Sines and cosines encode the position of each token.

Sources: Vaswani et al. 2017; Xiao et al. 2021 (early convolutions help transformers see); layer norm before
each part, Xiong et al. 2020.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from finback.core.errors import SettingsError
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
        if dim % heads or dim % 2:
            raise SettingsError(
                f"model.dim {dim} and model.heads {heads}", "take an even dim that is a multiple of heads"
            )
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
        """(B, F', D) -> (B, F', D)."""
        placed = frames + positions(frames.shape[1], frames.shape[2]).to(frames)
        return cast(Tensor, self.encoder(self.dropout(placed)))
