"""`diffusion`: the denoising network, a transformer over patches of the spectrogram.

Good for: training on two cores. A patch of 8 bands x 8 frames is one token, so 96 x 112 values are a sequence
of 168 tokens. Patches overlap by half a patch at input and output, so that their borders are not visible.
Noise level and species scale, shift and gate every block (adaptive layer norm, Peebles & Xie 2023, arXiv
2212.09748, section 3.2). On these spectrograms it learned faster than U-Nets over patches of 4 and of 8, at
equal training time (docs/decisions/0018).
"""

from __future__ import annotations

import math
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models.networks.generator import Generator, Way

HEAD = 48  # features of one attention head


class PatchDenoiser(Generator):
    """A transformer over patches, conditioned on noise level and species."""

    way: ClassVar[Way] = "denoise"
    task: ClassVar[str] = "diffusion"

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        patch: int = 8,
        width: int = 192,
        depth: int = 6,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(spec, n_classes, noise_shape=(1, spec.n_mels, spec.n_frames))
        if width % HEAD or patch % 4:
            raise SettingsError(
                f"model.width {width} and model.patch {patch}", f"take multiples of {HEAD} and of 4"
            )
        self.padding = (-spec.n_frames % patch, -spec.n_mels % patch)  # frames, bands
        rows, columns = (-(-n // patch) for n in (spec.n_mels, spec.n_frames))
        self.species = nn.Embedding(n_classes + 1, width)
        self.noise_level = nn.Sequential(
            Fourier(width // 2), nn.Linear(width // 2, width), nn.SiLU(), nn.Linear(width, width)
        )
        size, border = patch + patch // 2, patch // 4
        self.enter = nn.Conv2d(1, width, size, stride=patch, padding=border)
        self.place = nn.Parameter(0.02 * torch.randn(1, rows * columns, width))
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.ConvTranspose2d(width, 1, size, stride=patch, padding=border)
        nn.init.zeros_(self.leave.weight)  # the first output is 0, the mean of the data

    def forward(self, x: Tensor, c_noise: Tensor, labels: Tensor) -> Tensor:
        """(B, 1, M, F) noisy, (B,) quarter logarithm of the noise level, (B,) class ids -> (B, 1, M, F)."""
        condition = nn.functional.silu(self.noise_level(c_noise) + self.species(labels))[:, None]  # (B, 1, D)
        n_bands, n_frames = x.shape[2:]
        h = self.enter(
            nn.functional.pad(x, (0, self.padding[0], 0, self.padding[1]))
        )  # (B, D, rows, columns)
        grid = h.shape[2:]
        h = h.flatten(2).transpose(1, 2) + self.place  # (B, rows columns, D)
        for block in self.blocks:
            h = block(h, condition)
        h = self.leave(self.norm(h).transpose(1, 2).unflatten(2, grid))
        return h[..., :n_bands, :n_frames]


class Fourier(nn.Module):
    """(B,) numbers -> (B, D) sines and cosines with 1/4 to 8 cycles for each unit."""

    rates: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        rates = 2 * math.pi * torch.logspace(-2, 3, n_features // 2, base=2.0)
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angle = x[:, None] * self.rates
        return torch.cat([angle.sin(), angle.cos()], dim=1)


class Block(nn.Module):
    """Attention, then a feed-forward layer, each scaled, shifted and gated by the condition."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)  # all gates are 0, so a new block is the identity
        nn.init.zeros_(cast(Tensor, self.modulation.bias))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, N, D), (B, 1, D) -> (B, N, D)."""
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        x = x + gate * self._attend(self.norms[0](x) * (1 + scale) + shift)
        return x + gate2 * self.feed(self.norms[1](x) * (1 + scale2) + shift2)

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = (
            self.ask(x).unflatten(2, (3, self.heads, HEAD)).permute(2, 0, 3, 1, 4)
        )  # (B, heads, N, HEAD)
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.answer(h.transpose(1, 2).flatten(2))
