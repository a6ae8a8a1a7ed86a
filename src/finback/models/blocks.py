"""Small pieces that several families are composed of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Each clip's spectrogram to zero mean and unit deviation over its own values, (B, 1, M, F) -> same.

    How loud a tape was digitised names the tape, not the whale: level, rate and duration alone name the
    species of 73 % of Watkins clips under a random split. A silent clip stays zero.
    """

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(x, dim=(1, 2, 3), keepdim=True)
        return (x - mean) / deviation.clamp_min(1e-3)  # dB: a thousandth is far below any real spread


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, then halving both axes: (B, C, M, F) -> (B, D, M/2, F/2)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution(n_in, n_out, 3, stride=1),
            convolution(n_out, n_out, 3, stride=1),
            nn.AvgPool2d(2, ceil_mode=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def convolution(n_in: int, n_out: int, size: int, stride: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU; keeps the picture's size at stride 1."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )
