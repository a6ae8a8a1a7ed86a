"""`cnn1d`: a network over the raw wave, without a spectrogram.

Good for: sounds that a fixed spectrogram resolves badly, such as clicks, and for looking at which bands a
model uses: the first layer is a bank of band-pass filters, of which only the edges are learned (`edges_hz`).
It takes waves of any length. On long tonal calls the log-mel families do a little better.

The front end is SincNet's (Ravanelli & Bengio 2018, eq. 4 to 7) with two changes. Each filter has a sine
twin of the cosine, as Gabor filters have in LEAF (Zeghidour et al. 2021): their joint power is the
envelope wherever a frame begins, so the layer can stride by a hop instead of by one sample, 500 times
cheaper. And edges are learned as logarithms, so that one learning rate serves 20 Hz and 96 kHz.

After this layer, neighbouring filters share their convolutions, as neighbouring bands do in `cnn2d`.
Convolutions along time, with weights of their own for every filter, scored clearly lower on unseen groups
(docs/decisions/0059).
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from finback.features.mel import band_edges_hz
from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import AttentionPool, FrameStem, Standardise
from finback.models.networks.classifier import Classifier

FLOOR = 1e-8  # 80 dB below the power of the whole clip: calls are louder


class SincBank(nn.Module):
    """Learned band-pass filters over the wave: (B, T) -> powers (B, K, F).

    Edges start where K mel bands would stand between the spec's f_min and f_max. A wave shorter than one
    filter is filled up with zeros. Filters are `n_fft` / 2 samples long and step by `hop`.
    """

    def __init__(self, spec: FeatureSpec, n_filters: int) -> None:
        super().__init__()
        self.length, self.stride = max(8, spec.n_fft // 2), spec.hop
        self.sample_rate = spec.sample_rate
        edges = band_edges_hz(n_filters, spec.f_min, spec.top_hz) / spec.sample_rate  # cycles a sample
        # Narrower than one window resolves, a band would only be a fainter copy of its neighbour.
        narrowest = 1.0 / self.length
        low = np.maximum(edges[:-2], 0.5 * narrowest)
        band = np.maximum(edges[2:] - edges[:-2], narrowest)
        self.log_low = nn.Parameter(torch.from_numpy(np.log(low)).float())  # (K,)
        self.log_band = nn.Parameter(torch.from_numpy(np.log(band)).float())
        place = torch.arange(self.length) - (self.length - 1) / 2
        self.register_buffer("place", place, persistent=False)  # (L,) samples
        self.register_buffer("window", torch.hamming_window(self.length, periodic=False), persistent=False)
        self.place: Tensor
        self.window: Tensor

    @property
    def edges_hz(self) -> Tensor:
        """Where each band begins and ends now, (K, 2) Hz."""
        low = self.log_low.exp()
        return torch.stack([low, (low + self.log_band.exp()).clamp_max(0.5)], dim=1) * self.sample_rate

    def filters(self) -> Tensor:
        """Cosine filters, then their sine twins, (2 K, L).

        2 f2 sinc(2 f2 n) - 2 f1 sinc(2 f1 n) of SincNet's eq. 4 equals 2 b sinc(b n) cos(2 pi c n) with the
        width b = f2 - f1 and the centre c: in this form the twin is plain.
        """
        edges = self.edges_hz / self.sample_rate
        band, centre = edges[:, 1:] - edges[:, :1], edges.mean(dim=1, keepdim=True)
        envelope = 2.0 * band * torch.sinc(band * self.place) * self.window  # (K, L)
        angle = 2.0 * math.pi * centre * self.place
        return torch.cat([envelope * angle.cos(), envelope * angle.sin()])

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (0, max(0, self.length - x.shape[-1])))
        frames = x.unfold(-1, self.length, self.stride)  # (B, F, L)
        cosine, sine = (frames @ self.filters().T).chunk(2, dim=-1)  # (B, F, K) each
        return (cosine.square() + sine.square()).transpose(1, 2)  # (B, K, F)


class CNN1D(Classifier):
    """Learned band-pass filters on the raw wave, convolutions, attention pooling over frames."""

    input: ClassVar[str] = "wave"

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        filters: int = 64,
        width: int = 16,
        bands: int = 3,
        dim: int = 128,
        dropout: float = 0.4,
    ) -> None:
        super().__init__(spec, n_classes, n_features=2 * dim, dropout=dropout)
        self.bank = SincBank(spec, filters)
        self.standardise = Standardise()
        self.stem = FrameStem(width, bands, dim)
        self.pool = AttentionPool(dim)

    def spectrum(self, x: Tensor) -> Tensor:
        """(B, T) -> log powers in dB (B, 1, K, F); a gain changes nothing."""
        deviation = x.square().mean(dim=-1, keepdim=True).sqrt()
        power = self.bank(x / deviation.clamp_min(1e-7))
        return 10.0 * torch.log10(power + FLOOR)[:, None]

    def embed(self, x: Tensor) -> Tensor:
        frames = self.stem(self.standardise(self.spectrum(x)))  # (B, F', D)
        return torch.cat([self.pool(frames), frames.amax(dim=1)], dim=1)  # (B, 2 D)
