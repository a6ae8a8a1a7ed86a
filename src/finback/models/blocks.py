"""Small pieces that several families are composed of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Each clip's spectrogram to zero mean and unit deviation over its own values, (B, 1, M, F) -> same.

    How loud a tape was digitised names the tape, not the whale (EVIDENCE: level, rate and duration alone
    name the species of 73 % of clips under a random split). A silent clip stays zero.
    """

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(x, dim=(1, 2, 3), keepdim=True)
        return (x - mean) / deviation.clamp_min(1e-3)  # dB: a thousandth is far below any real spread


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, then halving both axes: (B, C, M, F) -> (B, D, M/2, F/2)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2, ceil_mode=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out
