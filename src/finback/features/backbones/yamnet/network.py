"""The network of YAMNet in PyTorch: MobileNet v1 on log-mel pictures of 96 frames and 64 bands.

Sources: Plakal & Ellis 2020, YAMNet, in the TensorFlow models (research/audioset/yamnet); Howard et al. 2017,
"MobileNets", arXiv 1704.04861. There is one usual convolution and thirteen blocks; a block filters each
channel by itself ("depthwise") and then mixes the channels. Batch norm is folded into the convolutions: after
training it only scales and shifts each channel.

    x (B, 1, F, M)  ->  stem (B, 32, F/2, M/2)
    blocks    1     2     3     4     5     6 to 11     12     13
    channels  64    128   128   256   256   512         1024   1024
    halved    /2    /4    /4    /8    /8    /16         /32    /32

A picture may have any number of frames: all layers are convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SAMPLE_RATE = 16_000
FRAME, HOP, N_FFT = 400, 160, 512  # samples: 25 ms, 10 ms
N_MELS, LOWEST_HZ, HIGHEST_HZ = 64, 125.0, 7500.0
OFFSET = 1e-3  # added to each band before the logarithm
PATCH = 96  # frames of the pictures that the network was trained on, 0.96 s
N_CLASSES = 521
STEM = 32
# Channels of each block, and by how much it divides frames and bands.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    *[(512, 2 if i == 0 else 1) for i in range(6)],
    (1024, 2),
    (1024, 1),
)


class LogMel(nn.Module):
    """(B, T) waves -> (B, 1, F, M): natural logarithm of 64 mel bands of magnitude, F = 1 + (T - 400) // 160.

    As TensorFlow computes it: frames without padding at the ends, a periodic Hann window, triangles that are
    straight on the scale mel = 1127 ln(1 + f / 700) and as high as 1.
    """

    window: Tensor
    bands: Tensor

    def __init__(self, times: int = 1) -> None:
        """`times`: the waves have so many times 16 kHz; their sound above 8 kHz is not used."""
        super().__init__()
        self.times = times
        # A longer window adds up more samples: its weights are smaller, so that the level is the same.
        window = torch.hann_window(times * FRAME) / times
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("bands", torch.from_numpy(mel_bands().T.copy()), persistent=False)  # (M, n_bins)

    def forward(self, waves: Tensor) -> Tensor:
        frames = waves.unfold(1, self.times * FRAME, self.times * HOP) * self.window  # (B, F, 400)
        magnitude = torch.fft.rfft(frames, self.times * N_FFT)[..., : N_FFT // 2 + 1].abs()  # (B, F, n_bins)
        return (nn.functional.linear(magnitude, self.bands) + OFFSET).log().unsqueeze(1)


class Block(nn.Module):
    """3 x 3 convolution of each channel, 1 x 1 convolution over channels; ReLU after both."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(n_in, n_in, 3, stride, padding=1 if stride == 1 else 0, groups=n_in)
        self.pointwise = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu_(self.depthwise(x if self.stride == 1 else _framed(x)))
        # As a product of matrices: a convolution's last bits would depend on the number of threads.
        h = nn.functional.linear(h.permute(0, 2, 3, 1), self.pointwise.weight.flatten(1), self.pointwise.bias)
        return torch.relu_(h).permute(0, 3, 1, 2)


class Network(nn.Module):
    """(B, 1, F, M) -> the outputs of blocks, each (B, C, F', M')."""

    def __init__(self, n_blocks: int = len(BLOCKS)) -> None:
        """`n_blocks`: only the first so many are made."""
        super().__init__()
        self.stem = nn.Conv2d(1, STEM, 3, 2)
        widths = [STEM, *[width for width, _ in BLOCKS]]
        self.blocks = nn.ModuleList(Block(widths[i], widths[i + 1], BLOCKS[i][1]) for i in range(n_blocks))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU

    def outputs(self, x: Tensor, wanted: Iterable[int]) -> list[Tensor]:
        """The outputs of the blocks of these numbers, from 1, in their order."""
        found, wanted = [], set(wanted)
        h = torch.relu_(self.stem(_framed(x.contiguous(memory_format=torch.channels_last))))
        for number, block in enumerate(self.blocks, 1):
            h = block(h)
            if number in wanted:
                found.append(h)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, F, M) -> (B, C, F', M') of the last block."""
        return self.outputs(x, [len(self.blocks)])[0]


def _framed(x: Tensor) -> Tensor:
    """Zeros around the last two axes, as TensorFlow pads at a stride of 2: before an odd axis, after both."""
    return nn.functional.pad(x, (x.shape[3] % 2, 1, x.shape[2] % 2, 1))


def mel_bands() -> NDArray[np.float32]:
    """(n_bins, M) float32 triangles on the mel scale, 125 to 7,500 Hz; the bin of 0 Hz has no weight."""
    mel = 1127.0 * np.log1p(np.linspace(0.0, SAMPLE_RATE / 2, N_FFT // 2 + 1) / 700.0)[:, None]  # (n_bins, 1)
    ends = 1127.0 * np.log1p(np.array([LOWEST_HZ, HIGHEST_HZ]) / 700.0)
    edges = np.linspace(ends[0], ends[1], N_MELS + 2)
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rise, fall))
    bands[0] = 0.0
    return bands.astype(np.float32)
