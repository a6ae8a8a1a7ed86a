"""`rnn` and `lstm`: recurrent networks that read the spectrogram frame by frame, in both directions.

Good for: calls whose order in time matters, such as up-sweeps against down-sweeps, pulse trains and songs. A
few convolutions turn the log-mel spectrogram into a sequence of about 28 frames of a tenth of a second. The
recurrent layer reads this sequence forwards and backwards, and attention pools it, so that one short call in
a long window is not averaged away. Prefer `lstm`, which has a memory of the whole window. `rnn` is the plain
Elman network: faster, with a shorter memory, for comparison.

Sources: Elman 1990; Hochreiter & Schmidhuber 1997; Schuster & Paliwal 1997 (both directions); Cakir et al.
2017 (convolutions before the recurrent layer, for sound events).
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import AttentionPool
from finback.models.networks.frame_reader import FrameReader


class RNN(FrameReader):
    """A convolutional stem, a bidirectional Elman layer, attention pooling over frames."""

    cell: ClassVar[type[nn.RNN] | type[nn.LSTM]] = nn.RNN

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        width: int = 16,
        bands: int = 3,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(spec, n_classes, width, bands, 2 * hidden, dropout)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = self.cell(2 * hidden, hidden, layers, batch_first=True, bidirectional=True)
        for name, weight in self.recurrent.named_parameters():
            if name.startswith("weight_hh"):  # gradients do not vanish over many frames (Saxe et al. 2014)
                for gate in torch.split(weight.data, hidden):
                    nn.init.orthogonal_(gate)
        self.pool = AttentionPool(2 * hidden)

    def read(self, frames: Tensor) -> Tensor:
        """(B, F', 2 H) -> (B, F', 2 H)."""
        frames = self.dropout(frames)
        read, _ = self.recurrent(frames)  # (B, F', 2 H): forwards, then backwards
        return frames + cast(Tensor, read)  # a skip connection around the recurrent layer


class LSTM(RNN):
    """A convolutional stem, a bidirectional LSTM, attention pooling over frames."""

    cell = nn.LSTM
