"""`beats`: BEATs, 3 s at 16 kHz -> 768 numbers, from a checkpoint that the user adds.

    finback backbone add beats --weights BEATs_iter3_plus_AS2M.pt

A transformer over patches of 16 bands x 16 frames, pre-trained on AudioSet without labels (checkpoints that
were fine-tuned on labels work too; their scores are left out). Source: Chen et al. 2023, "BEATs: Audio
Pre-Training with Acoustic Tokenizers", ICML, arXiv 2212.09058, section 3.1; weights under the MIT licence.
Attention has a gated bias for the relative position of patches (Chi et al. 2022, "XLM-E", section 2.3), so
windows may have any length. The vector of a window is the mean over its patches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

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
from finback.features.backbones.kaldi import Fbank

N_MELS = 128
SCALE = 2.0**15  # waves in [-1, 1] to the 16-bit units of the features
MEAN, DEVIATION = 15.41663, 2 * 6.55582  # of the features of AudioSet, as the authors take them
WHAT = "a BEATs encoder"
G, V = "encoder.pos_conv.0.weight_g", "encoder.pos_conv.0.weight_v"
W = "encoder.pos_conv.0.weight"
# Sizes of the network by the name that they have in the checkpoint, and the most that is believed.
SIZES = {
    "input_patch_size": 128,
    "embed_dim": 8192,
    "encoder_layers": 64,
    "encoder_embed_dim": 8192,
    "encoder_ffn_embed_dim": 32_768,
    "encoder_attention_heads": 128,
    "conv_pos": 1024,
    "conv_pos_groups": 1024,
    "num_buckets": 65_536,
    "max_distance": 1_000_000,
}
# Variants that no published checkpoint has.
FIXED = {
    "layer_norm_first": False,
    "deep_norm": True,
    "relative_position_embedding": True,
    "gru_rel_pos": True,
    "conv_bias": False,
    "activation_fn": "gelu",
}


class Beats(FromCheckpoint):
    """(w, 48000) -> (w, 768)."""

    name: ClassVar[str] = "beats"
    install: ClassVar[str] = "finback backbone add beats --weights FILE.pt"
    licence: ClassVar[str] = "BEATs weights: MIT, Microsoft"
    sample_rate: ClassVar[int] = 16_000
    window: ClassVar[int] = 48_000
    source: ClassVar[str] = "github.com/microsoft/unilm/tree/master/beats (BEATs_iter3_plus_AS2M.pt)"

    @classmethod
    def network_of(cls, tensors: Tensors, settings: Mapping[str, Any], path: Path) -> Network:
        """The network of a checkpoint with these settings."""
        for name, most in SIZES.items():
            size = settings.get(name)
            if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= most:
                raise SettingsError(f"{path}: not {WHAT}, its setting {name} is {str(size)[:40]}", AGAIN)
        for name, wanted in FIXED.items():
            if settings.get(name, wanted) != wanted:
                raise SettingsError(
                    f"{path}: its setting {name} is not {wanted}", "give a published checkpoint"
                )
        widths = [settings[n] for n in ("encoder_embed_dim", "encoder_attention_heads", "conv_pos_groups")]
        if widths[0] % widths[1] or widths[0] % widths[2] or settings["num_buckets"] < 8:
            raise SettingsError(f"{path}: not {WHAT}, its sizes do not fit each other", AGAIN)
        made = fill(lambda: Network(settings), tensors, path, WHAT)
        assert isinstance(made, Network)
        return made

    @classmethod
    def convert(cls, given: Path, folder: Path) -> None:
        tensors, settings = read_checkpoint(given)
        plain = without_weight_norm(tensors)
        names = cls.network_of(plain, settings, given).state_dict()
        kept = {name: settings[name] for name in (*SIZES, *FIXED) if name in settings}
        save_copy(folder / cls.stored, {n: plain[n] for n in names}, kept)


def without_weight_norm(tensors: Tensors) -> Tensors:
    """The tensors with the kernel of the position convolution in one piece.

    The checkpoint has it as directions and lengths, one length for each tap (Salimans & Kingma 2016, eq. 2).
    """
    g, v = tensors.get(G), tensors.get(V)
    if g is None or v is None or v.ndim != 3 or g.shape != (1, 1, v.shape[2]):
        return tensors
    lengths = v.square().sum(dim=(0, 1), keepdim=True).sqrt()
    return {**tensors, W: g * v / lengths}


class Network(nn.Module):
    """(B, T) waves -> (B, D). The names of its parts are those of the checkpoint."""

    def __init__(self, size: Mapping[str, int]) -> None:
        super().__init__()
        self.fbank = Fbank(N_MELS)
        patch, width = size["input_patch_size"], size["encoder_embed_dim"]
        self.n_features = width
        self.patch_embedding = nn.Conv2d(1, size["embed_dim"], patch, stride=patch, bias=False)
        self.layer_norm = nn.LayerNorm(size["embed_dim"])
        same = size["embed_dim"] == width
        self.post_extract_proj = nn.Identity() if same else nn.Linear(size["embed_dim"], width)
        self.encoder = Encoder(size)

    def forward(self, waves: Tensor) -> Tensor:
        x = (self.fbank(waves * SCALE) - MEAN) / DEVIATION  # (B, F, M)
        x = self.patch_embedding(x[:, None])  # (B, E, F / 16, M / 16)
        x = self.layer_norm(x.flatten(2).transpose(1, 2))  # (B, N, E): patches of one time stay together
        return self.encoder(self.post_extract_proj(x)).mean(dim=1)


class Encoder(nn.Module):
    """(B, N, D) -> (B, D): a convolution for the positions, then layers of attention that share one bias."""

    def __init__(self, size: Mapping[str, int]) -> None:
        super().__init__()
        width, taps = size["encoder_embed_dim"], size["conv_pos"]
        conv = nn.Conv1d(width, width, taps, padding=taps // 2, groups=size["conv_pos_groups"])
        self.pos_conv = nn.Sequential(conv)
        self.layer_norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(size, first=i == 0) for i in range(size["encoder_layers"]))
        self.n_buckets, self.reach = size["num_buckets"], size["max_distance"]

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        place = torch.nn.functional.gelu(self.pos_conv(x.transpose(1, 2))[..., :n])
        x = self.layer_norm(x + place.transpose(1, 2))
        buckets = position_buckets(n, self.n_buckets, self.reach)  # (N, N)
        first = cast(Layer, self.layers[0])
        bias = first.self_attn.relative_attention_bias(buckets).permute(2, 0, 1)  # (H, N, N)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class Layer(nn.Module):
    """Attention and two dense layers, round which the input is enlarged (DeepNorm, Wang et al. 2022)."""

    def __init__(self, size: Mapping[str, int], first: bool) -> None:
        super().__init__()
        width = size["encoder_embed_dim"]
        self.self_attn = Attention(size, first)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, size["encoder_ffn_embed_dim"])
        self.fc2 = nn.Linear(size["encoder_ffn_embed_dim"], width)
        self.final_layer_norm = nn.LayerNorm(width)
        self.alpha = (2.0 * size["encoder_layers"]) ** 0.25

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(self.alpha * x + self.self_attn(x, bias))
        dense = self.fc2(nn.functional.gelu(self.fc1(x)))
        return self.final_layer_norm(self.alpha * x + dense)


class Attention(nn.Module):
    """Self-attention whose bias for relative positions is gated by the query, head by head."""

    def __init__(self, size: Mapping[str, int], first: bool) -> None:
        super().__init__()
        width, self.n_heads = size["encoder_embed_dim"], size["encoder_attention_heads"]
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // self.n_heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, self.n_heads, 1, 1))
        if first:  # the checkpoint repeats it in every layer
            self.relative_attention_bias = nn.Embedding(size["num_buckets"], self.n_heads)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (
            project(x).unflatten(2, (self.n_heads, -1)).transpose(1, 2)  # (B, H, N, D / H)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        gates = self.grep_linear(q).unflatten(3, (2, 4)).sum(dim=-1).sigmoid()  # (B, H, N, 2)
        update, reset = gates[..., :1], gates[..., 1:]
        gated = (update * (reset * self.grep_a - 1.0) + 2.0) * bias
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]) + gated).softmax(dim=-1)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2))


def position_buckets(n: int, n_buckets: int, reach: int) -> Tensor:
    """(N, N) bucket of each distance: half of them for each direction, half of these exact, the rest
    logarithmic up to `reach` (Raffel et al. 2020, "T5", section 2.1)."""
    step = torch.arange(n)
    apart = step[None, :] - step[:, None]  # of the key from the query
    half = n_buckets // 2
    exact = half // 2
    far = (apart.abs().clamp_min(1).float() / exact).log() / math.log(reach / exact) * (half - exact)
    bucket = torch.where(apart.abs() < exact, apart.abs(), (exact + far.long()).clamp_max(half - 1))
    return bucket + half * (apart > 0)
