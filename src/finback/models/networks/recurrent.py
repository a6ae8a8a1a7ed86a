"""`rnn` and `lstm`: recurrent networks that read the spectrogram frame by frame, in both directions.

Good for: calls whose order in time is the message, such as up-sweeps against down-sweeps, pulse trains and
songs. A few convolutions first turn the log-mel picture into a row of about 28 frames of a tenth of a second;
the recurrent layer reads that row forwards and backwards, and attention pools it, so that one short call in a
long window still decides. `lstm` remembers across the whole window: prefer it. `rnn` is the plain Elman
network, which costs less, remembers less, and is kept for comparison.

Sources: Elman 1990; Hochreiter & Schmidhuber 1997; Schuster & Paliwal 1997 (both directions); Cakir et al.
2017 (convolutions before the recurrent layer, for sound events).
"""

from __future__ import annotations

from typing import ClassVar

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
            if name.startswith("weight_hh"):  # keeps gradients alive over many frames (Saxe et al. 2014)
                for gate in torch.split(weight.data, hidden):
                    nn.init.orthogonal_(gate)
        self.pool = AttentionPool(2 * hidden)

    def read(self, frames: Tensor) -> Tensor:
        frames = self.dropout(frames)  # (B, F', 2 H)
        read, _ = self.recurrent(frames)  # (B, F', 2 H), forwards and backwards side by side
        out: Tensor = frames + read  # the output of the convolutions need not pass through the memory
        return out


class LSTM(RNN):
    """A convolutional stem, a bidirectional LSTM, attention pooling over frames."""

    cell = nn.LSTM
