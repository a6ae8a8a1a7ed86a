"""`cnn14`: Cnn14 of the PANNs, 3 s at 32 kHz -> 2,048 numbers, from a checkpoint that the user adds.

    finback backbone add cnn14 --weights "Cnn14_mAP=0.431.pth"

Trained on the 5,000 hours of AudioSet: speech, machines, animals. Source: Kong et al. 2020, "PANNs:
Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition", IEEE/ACM TASLP 28, table I and
section III; weights under CC BY 4.0 (zenodo.org/record/3987831). The network answers for windows of any
length; 3 s is the length of a standard clip here, the authors trained on 10 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.backbones.checkpoints import (
    AGAIN,
    FromCheckpoint,
    Tensors,
    fill,
    read_checkpoint,
    save_copy,
)

N_FFT, HOP, N_MELS = 1024, 320, 64
N_BLOCKS = 6
WHAT = "Cnn14"
LEAST = 1e-10  # power


class Cnn14(FromCheckpoint):
    """(w, 96000) -> (w, 2048): the layer before the 527 scores."""

    name: ClassVar[str] = "cnn14"
    install: ClassVar[str] = "finback backbone add cnn14 --weights FILE.pth"
    licence: ClassVar[str] = "PANNs Cnn14 weights: CC BY 4.0, Qiuqiang Kong and others"
    sample_rate: ClassVar[int] = 32_000
    window: ClassVar[int] = 96_000
    source: ClassVar[str] = "zenodo.org/record/3987831 (Cnn14_mAP=0.431.pth)"

    @classmethod
    def network_of(cls, tensors: Tensors, settings: Mapping[str, Any], path: Path) -> Network:
        """The network, whose widths are those of its tensors."""
        firsts = [tensors.get(f"conv_block{i}.conv1.weight") for i in range(1, N_BLOCKS + 1)]
        last = tensors.get("fc1.weight")
        widths = [len(first) for first in firsts if first is not None and first.ndim == 4]
        if len(widths) < N_BLOCKS or last is None or last.ndim != 2:
            raise SettingsError(f"{path}: not {WHAT}, it has no six blocks and fc1", AGAIN)
        made = fill(lambda: Network(widths, len(last)), tensors, path, WHAT)
        assert isinstance(made, Network)
        return made

    @classmethod
    def convert(cls, given: Path, folder: Path) -> None:
        tensors, settings = read_checkpoint(given)
        names = cls.network_of(tensors, settings, given).state_dict()
        save_copy(folder / cls.stored, {n: tensors[n] for n in names if n in tensors}, {})


class Network(nn.Module):
    """(B, T) waves -> (B, D). The names of its parts are those of the checkpoint."""

    window: Tensor

    def __init__(self, widths: list[int], n_features: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.logmel_extractor = Bands()
        self.bn0 = nn.BatchNorm2d(N_MELS)
        for i, (a, b) in enumerate(zip([1, *widths], widths, strict=False), start=1):
            setattr(self, f"conv_block{i}", Block(a, b, shrink=i < N_BLOCKS))
        self.fc1 = nn.Linear(widths[-1], n_features)

    def forward(self, waves: Tensor) -> Tensor:
        x = self.logmel_extractor(waves)  # (B, 1, F, M)
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)  # each band by its own mean and deviation
        for i in range(1, N_BLOCKS + 1):
            x = getattr(self, f"conv_block{i}")(x)
        x = x.mean(dim=3)  # (B, C, F')
        return torch.relu(self.fc1(x.amax(dim=2) + x.mean(dim=2)))


class Bands(nn.Module):
    """(B, T) -> (B, 1, F, M): 10 log10 of the power in the bands of the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.empty(N_FFT // 2 + 1, N_MELS), requires_grad=False)

    def forward(self, waves: Tensor) -> Tensor:
        window = torch.hann_window(N_FFT, device=waves.device)
        spectrum = torch.stft(waves, N_FFT, HOP, window=window, center=True, return_complex=True)
        power = torch.view_as_real(spectrum).square().sum(dim=-1)  # (B, n_bins, F)
        mel = power.transpose(1, 2) @ self.melW
        return (10.0 * mel.clamp_min(LEAST).log10())[:, None]


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm and ReLU, then the mean of 2 x 2 cells."""

    def __init__(self, n_in: int, n_out: int, shrink: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.pool = nn.AvgPool2d(2) if shrink else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.pool(torch.relu(self.bn2(self.conv2(x))))
