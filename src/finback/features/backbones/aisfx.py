"""`aisfx`: a convolutional network trained on libraries of sound effects, 2.3 s at 44.1 kHz -> 512 numbers.

Source: Ma & Lerch 2022, "Representation learning for the automatic indexing of sound effects libraries",
ISMIR. The wheel of aisfx carries the weights; its code is not imported, since it asks for NumPy 1.23. The
network is written again here, so that it can be fine-tuned (`models/networks/aisfx_tuned.py`) as well as used
frozen.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files, version
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.backbones import Backbone, check_window
from finback.features.spec import FeatureSpec

SAMPLE_RATE = 44_100
N_FFT, HOP, N_MELS, N_FRAMES = 2048, 1024, 96, 100
WINDOW = N_FRAMES * HOP  # samples, 2.3 s
LARGEST = 9.457798957824707  # of log10(1e4 x + 1) over all the sounds that the authors trained on
INSTALL = "pip install --no-deps aisfx==0.1.2"
LICENCE = "aiSFX weights: CC BY 4.0, Alison B. Ma and Alexander Lerch"
WIDTHS = (1, 64, 128, 256, 512)


class AiSfx(Backbone):
    """(w, 102400) -> (w, 512), frozen."""

    name: ClassVar[str] = "aisfx"
    # No pip extra can install it: the package pins NumPy 1.23 and librosa 0.9, which its weights do not need.
    install: ClassVar[str] = INSTALL
    licence: ClassVar[str] = LICENCE
    no_graph: ClassVar[str] = "its features are Essentia's, which are not written as a graph here"

    def __init__(self, spec: FeatureSpec) -> None:
        check_window("aisfx", spec, SAMPLE_RATE, WINDOW)
        weights, package = load_weights()
        self.network = Network()
        self.network.load_state_dict(weights)
        self.network.eval()
        self.spectrogram = EssentiaMel()
        self.n_features = WIDTHS[-1]
        self.version = package
        self.covered_samples = WINDOW

    @torch.inference_mode()
    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, 102400) -> (w, 512), one window at a time: no number depends on its neighbours."""
        return torch.cat(
            [self.network(self.spectrogram(wave[None])) for wave in torch.from_numpy(waves)]
        ).numpy()


class EssentiaMel(nn.Module):
    """(B, T) waves -> (B, 1, F, M): log10(1e4 x + 1) of 96 HTK mel bands of power, over the largest seen.

    As Essentia computes it for the authors: symmetric Hann window, centred frames, triangles that are
    straight on the mel scale, each with weights that sum to one.
    """

    window: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT, periodic=False), persistent=False)
        self.register_buffer("bands", torch.from_numpy(mel_bands()), persistent=False)  # (n_bins, M)

    def forward(self, waves: Tensor) -> Tensor:
        spectrum = torch.stft(
            waves, N_FFT, HOP, window=self.window, center=True, pad_mode="constant", return_complex=True
        )  # (B, n_bins, F + 1)
        power = torch.view_as_real(spectrum).square().sum(dim=-1)
        mel = power.transpose(1, 2)[:, :N_FRAMES] @ self.bands  # (B, F, M)
        return (mel * 1e4 + 1.0).log10().unsqueeze(1) / LARGEST


class Network(nn.Module):
    """(B, 1, F, M) -> (B, 512): four blocks of two convolutions, mean over bands, maximum over time."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(WIDTHS[i], WIDTHS[i + 1], halve=i < 3) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=3).amax(dim=2)


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm and ReLU, then halving both axes."""

    def __init__(self, n_in: int, n_out: int, halve: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.pool = nn.MaxPool2d(2) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.bn1(self.conv1(x)))
        return self.pool(torch.relu_(self.bn2(self.conv2(x))))


def mel_bands() -> NDArray[np.float32]:
    """(n_bins, M) float32 triangles on the HTK scale, 0 Hz to 22,050 Hz."""
    mel = 2595.0 * np.log10(1.0 + np.fft.rfftfreq(N_FFT, 1.0 / SAMPLE_RATE) / 700.0)  # (n_bins,)
    edges = np.linspace(mel[0], mel[-1], N_MELS + 2)[:, None]
    width = edges[1, 0] - edges[0, 0]
    triangles = np.maximum(0.0, 1.0 - np.abs(mel - edges[1:-1]) / width)  # (M, n_bins)
    return (triangles / triangles.sum(axis=1, keepdims=True)).T.astype(np.float32)


def load_weights() -> tuple[dict[str, Tensor], str]:
    """State of `Network` from the installed wheel, and the package's version.

    The file is PyTorch's pickle; it is read with `weights_only`, which runs no code. Raises `SettingsError`
    when the package is missing.
    """
    try:
        paths = [f for f in files("aisfx") or [] if f.name == "checkpoint.pth"]
        package = version("aisfx")
    except PackageNotFoundError:
        raise SettingsError("aisfx: the package is not installed", INSTALL) from None
    if not paths:
        raise SettingsError(f"aisfx: package {package} does not hold checkpoint.pth", INSTALL)
    # The file also counts classes with NumPy numbers, under the names of NumPy 1.
    scalar = (np._core.multiarray.scalar, "numpy.core.multiarray.scalar")  # type: ignore[attr-defined]
    kinds = [type(np.dtype(kind)) for kind in ("int64", "float64")]
    with torch.serialization.safe_globals([scalar, np.dtype, *kinds]):
        state, _ = torch.load(paths[0].locate(), map_location="cpu", weights_only=True)
    prefix = "embedding_net.conv_block"
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return {f"blocks.{int(k[0]) - 1}{k[1:]}": v for k, v in own.items()}, package
