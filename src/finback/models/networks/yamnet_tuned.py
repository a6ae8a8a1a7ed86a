"""`yamnet-tuned`: YAMNet at two speeds, fine-tuned on the training set; its first blocks are frozen. Bundled.

Good for: many recording groups, where the frozen families (`yamnet`, `yamnet-plda`) underfit. The input is
sound at 32 kHz. One network takes it twice: as it is, and at half speed, which needs no resampling: the same
samples, taken for sound at 16 kHz. Its two vectors, mean and deviation of the channels of block 8, stand one
after the other.

Three things keep the network from learning its tapes by heart. Blocks up to `freeze` stay as they are. The
other blocks learn ten times more slowly than the head. In training, some spectrograms get the mean and
deviation of each band from a mixture with another one of the batch, as if from another instrument
(Freq-MixStyle: Kim et al. 2022, "Domain generalization with relaxed instance frequency-wise normalization",
Interspeech; Zhou et al. 2021, "Domain generalization with MixStyle", ICLR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.backbones.yamnet import LAYERS, LICENCE, SHORTEST, moments, weights_of
from finback.features.backbones.yamnet.network import BLOCKS, SAMPLE_RATE, LogMel, Network
from finback.features.spec import FeatureSpec
from finback.models.networks.classifier import Classifier

SPEEDS = 2  # as it is, and half
RATE = SPEEDS * SAMPLE_RATE
LAST = max(LAYERS)
SPREAD = 0.3  # the weights of mixtures are from Beta(SPREAD, SPREAD): mostly near 0 or 1


class YamnetTuned(Classifier):
    """YAMNet at two speeds, fine-tuned from block `freeze` + 1 to block 8."""

    input: ClassVar[str] = "wave"
    licence: ClassVar[str] = LICENCE
    no_graph: ClassVar[str] = "no graph was written for the spectrogram of yamnet-tuned"
    slower: ClassVar[Mapping[str, float]] = {"network.": 0.1}

    def __init__(
        self, spec: FeatureSpec, n_classes: int, freeze: int = 6, dropout: float = 0.5, mixing: float = 0.5
    ) -> None:
        """`freeze`: of the first eight blocks, how many keep their weights; 0 trains all.

        `mixing`: the share of spectrograms whose bands are mixed in training.

        Raises `SettingsError` for another sample rate, a short window, or no such number of blocks.
        """
        width = BLOCKS[LAST - 1][0]
        super().__init__(spec, n_classes, n_features=2 * SPEEDS * width, dropout=dropout)
        if spec.sample_rate != RATE or spec.clip_samples < SPEEDS * SHORTEST:
            raise SettingsError(
                f"yamnet-tuned needs windows of at least {SPEEDS * SHORTEST:,} samples at {RATE:,} Hz; "
                f"these settings give {spec.clip_samples:,} samples at {spec.sample_rate:,} Hz",
                f"set features.sample_rate = {RATE} and a longer features.clip_samples",
            )
        if not 0 <= freeze <= LAST:
            raise SettingsError(f"setting model.freeze = {freeze}: not a number of blocks", f"0 to {LAST}")
        self.spectrograms = nn.ModuleList(LogMel(times) for times in (SPEEDS, 1))
        self.network = Network(LAST)
        self.network.load_state_dict(weights_of(self.network))
        self.norm = nn.LayerNorm(2 * SPEEDS * width)
        self.mixing = mixing
        self.network.stem.requires_grad_(freeze == 0)
        for block in self.network.blocks[:freeze]:
            block.requires_grad_(False)

    def embed(self, x: Tensor) -> Tensor:
        """Waves (B, T) -> (B, 2048)."""
        x = peaked(x)
        return self.norm(torch.cat([self._at(spectrogram(x)) for spectrogram in self.spectrograms], dim=1))

    def _at(self, h: Tensor) -> Tensor:
        """(B, 1, F, M) -> (B, 1024)."""
        return moments(self.network(mixed_bands(h, self.mixing) if self.training else h))


def mixed_bands(x: Tensor, share: float) -> Tensor:
    """(B, 1, F, M) -> same: a share gets each band's mean and deviation over time mixed with another's."""
    deviation, mean = torch.std_mean(x, dim=2, keepdim=True)  # (B, 1, 1, M)
    other = torch.randperm(len(x), device=x.device)
    spread = torch.full((len(x), 1, 1, 1), SPREAD, device=x.device)
    own = torch.distributions.Beta(spread, spread).sample()
    own = torch.where(torch.rand_like(own) < share, own, torch.ones_like(own))
    normal = (x - mean) / deviation.clamp_min(1e-3)
    return normal * torch.lerp(deviation[other], deviation, own) + torch.lerp(mean[other], mean, own)


def peaked(x: Tensor) -> Tensor:
    """Waves (B, T) scaled to a peak of 1; silence stays silent."""
    return x / x.abs().amax(dim=1, keepdim=True).clamp_min(1e-6)
