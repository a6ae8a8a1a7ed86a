"""The two networks of the denoiser: attention over whole frames for layout, convolutions for grain.

At high noise levels only the layout is visible: when a call begins, how loud it is, how the bands move
together. A token of a few whole frames sees all bands at once, and there are few tokens, so a step is cheap.
At low noise levels the details decide, and they are of the same kind everywhere: convolutions over small
patches, which overlap at input and output so that their borders are not visible.

Noise level, species and tape scale, shift and gate every block (adaptive layer norm, Peebles & Xie 2023,
arXiv 2212.09748, section 3.2). In attention places are known by rotation (Su et al. 2021, arXiv 2104.09864):
it depends on the distance of two tokens, so a call may be anywhere in the window.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.models.networks.conditions import N_MARKS, NO_TAPE, Conditions
from finback.models.networks.denoiser import HEAD, Fourier

INPUTS = 2  # the noisy spectrogram, and what the linear filter makes of it
GATE = 0.3
Turns = tuple[Tensor, Tensor]  # cosines and sines (N, HEAD / 2)


class Condition(nn.Module):
    """The vector that tells every block the noise level, the species and the tape."""

    def __init__(self, n_classes: int, n_mels: int, width: int) -> None:
        super().__init__()
        self.species = nn.Embedding(n_classes + 1, width)
        self.tape = nn.Linear(n_mels, width)  # of its mean spectrum, as it differs from the species'
        self.noise_level = nn.Sequential(
            Fourier(width // 2), nn.Linear(width // 2, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, sigma: Tensor, given: Conditions, colour: Tensor) -> Tensor:
        """(B,), conditions, (B, M) how the tape differs from the species -> (B, 1, D)."""
        tape = self.tape(colour) * (given.tapes != NO_TAPE)[:, None]
        total = self.noise_level(sigma.log() / 4) + self.species(given.labels) + tape
        return nn.functional.silu(total)[:, None]


class FramePath(nn.Module):
    """Attention over tokens of `size` whole frames."""

    cosines: Tensor
    sines: Tensor

    def __init__(
        self, n_classes: int, shape: tuple[int, int], size: int, width: int, depth: int, dropout: float
    ) -> None:
        super().__init__()
        n_mels, n_frames = shape
        if width % HEAD:
            raise SettingsError(f"model.frame_width {width}", f"take a multiple of {HEAD}")
        self.padding, self.size = -n_frames % size, size
        self.condition = Condition(n_classes, n_mels, width)
        border = size // 2
        span = size + 2 * border
        self.enter = nn.Conv1d(n_mels * INPUTS + N_MARKS, width, span, stride=size, padding=border)
        self.blocks = nn.ModuleList(TurnedBlock(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.ConvTranspose1d(width, n_mels, span, stride=size, padding=border)
        _silence(self.leave)
        cosines, sines = turns(-(-n_frames // size), HEAD)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def forward(self, x: Tensor, sigma: Tensor, given: Conditions, colour: Tensor) -> Tensor:
        """(B, 2, M, F), (B,), conditions, (B, M) -> (B, 1, M, F)."""
        condition = self.condition(sigma, given, colour)
        known = token_is_known(given.marks, self.size, self.padding)
        mask = None if known is None else known[:, None, None]  # (B, 1, 1, N)
        h = torch.cat([x.flatten(1, 2), given.marks], dim=1)
        h = self.enter(nn.functional.pad(h, (0, self.padding))).transpose(1, 2)
        for block in self.blocks:
            h = block(h, condition, (self.cosines, self.sines), mask)
        h = self.leave(self.norm(h).transpose(1, 2))
        return cast(Tensor, h[:, None, :, : x.shape[-1]])


class GrainPath(nn.Module):
    """Convolutions over patches of `size` bands x `size` frames, which overlap by half a patch."""

    def __init__(
        self, n_classes: int, shape: tuple[int, int], size: int, width: int, depth: int, dropout: float
    ) -> None:
        super().__init__()
        n_mels, n_frames = shape
        if size % 4:
            raise SettingsError(f"model.patch {size}", "take a multiple of 4")
        self.padding = (-n_frames % size, -n_mels % size)
        self.condition = Condition(n_classes, n_mels, width)
        span, border = size + size // 2, size // 4
        self.enter = nn.Conv2d(INPUTS + N_MARKS, width, span, stride=size, padding=border)
        self.band = nn.Parameter(0.02 * torch.randn(1, width, -(-n_mels // size), 1))
        self.blocks = nn.ModuleList(ConvBlock(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.ConvTranspose2d(width, 1, span, stride=size, padding=border)
        _silence(self.leave)

    def forward(self, x: Tensor, sigma: Tensor, given: Conditions, colour: Tensor) -> Tensor:
        """(B, 2, M, F), (B,), conditions, (B, M) -> (B, 1, M, F)."""
        n_bands, n_frames = x.shape[2:]
        condition = self.condition(sigma, given, colour)
        h = torch.cat([x, given.marks[:, :, None].expand(-1, -1, n_bands, -1)], dim=1)
        h = self.enter(nn.functional.pad(h, (0, self.padding[0], 0, self.padding[1]))) + self.band
        h = h.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            h = block(h, condition)
        h = self.leave(self.norm(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return cast(Tensor, h[..., :n_bands, :n_frames])


class ConvBlock(nn.Module):
    """ConvNeXt (Liu et al. 2022, arXiv 2201.03545), scaled, shifted and gated by the condition."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.feed = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(3 * width, width)
        )
        self.modulation = nn.Linear(width, 3 * width)
        _silence(self.modulation)
        with torch.no_grad():  # the gates are open from the start: then it learns faster
            self.modulation.bias[2 * width :] = GATE

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, D, rows, columns), (B, 1, D) -> the same shape as x."""
        shift, scale, gate = self.modulation(condition)[:, :, None].chunk(3, dim=-1)  # (B, 1, 1, D)
        h = self.norm(self.depthwise(x).permute(0, 2, 3, 1)) * (1 + scale) + shift
        return x + (gate * self.feed(h)).permute(0, 3, 1, 2)


class TurnedBlock(nn.Module):
    """Attention with rotated places, then a feed-forward layer, each scaled, shifted and gated."""

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
        _silence(self.modulation)  # all gates are 0, so a new block is the identity

    def forward(self, x: Tensor, condition: Tensor, turns: Turns, mask: Tensor | None) -> Tensor:
        """(B, N, D), (B, 1, D), places, (B, 1, 1, N) -> (B, N, D)."""
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        h = self.norms[0](x) * (1 + scale) + shift
        q, k, v = self.ask(h).unflatten(2, (3, self.heads, HEAD)).permute(2, 0, 3, 1, 4)
        h = nn.functional.scaled_dot_product_attention(_turned(q, turns), _turned(k, turns), v, mask)
        x = x + gate * self.answer(h.transpose(1, 2).flatten(2))
        return cast(Tensor, x + gate2 * self.feed(self.norms[1](x) * (1 + scale2) + shift2))


def turns(n: int, size: int, longest: float = 200.0) -> Turns:
    """Cosines and sines (N, size / 2) of places 0 to N - 1, at rates from 1 to 1 / `longest`."""
    rates = longest ** (-torch.arange(size // 2) / (size // 2))
    angles = torch.arange(n)[:, None] * rates
    return angles.cos(), angles.sin()


def token_is_known(marks: Tensor, size: int, padding: int) -> Tensor | None:
    """(B, F / size): whether any frame of a token holds sound; None where all do."""
    known = marks[:, -1] > 0
    if bool(known.all()):
        return None
    known = nn.functional.pad(known, (0, padding))
    return known.unflatten(1, (-1, size)).any(dim=2)


def _turned(x: Tensor, turns: Turns) -> Tensor:
    cosines, sines = turns
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], dim=-1)


def _silence(layer: nn.Linear | nn.ConvTranspose1d | nn.ConvTranspose2d) -> None:
    """Zeros: at first the layer adds nothing."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
