"""`aisfx-tuned`: the aiSFX network, fine-tuned on the training set; its first blocks are frozen.

Good for: data of many recording groups, where the frozen probe (`aisfx`) underfits. Nearly five million
weights can memorise a group (such as a tape) as easily as a species. Frozen early blocks, few epochs and a
small learning rate prevent that. Training starts from the weights in the package; a trained run holds all its
weights.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.features.backbones import check_window
from finback.features.backbones.aisfx import (
    LICENCE,
    SAMPLE_RATE,
    WIDTHS,
    WINDOW,
    EssentiaMel,
    Network,
    load_weights,
)
from finback.features.spec import FeatureSpec
from finback.models.networks.classifier import Classifier


class AiSfxTuned(Classifier):
    """aiSFX fine-tuned end to end, or from block `freeze` on (extra package: aisfx)."""

    input: ClassVar[str] = "wave"
    licence: ClassVar[str] = LICENCE

    def __init__(self, spec: FeatureSpec, n_classes: int, freeze: int = 2, dropout: float = 0.3) -> None:
        """`freeze`: of the four blocks, how many keep their weights and statistics; 0 trains all."""
        super().__init__(spec, n_classes, n_features=WIDTHS[-1], dropout=dropout)
        check_window("aisfx-tuned", spec, SAMPLE_RATE, WINDOW)
        self.spectrogram = EssentiaMel()
        self.network = Network()
        if not 0 <= freeze <= len(self.network.blocks):
            raise SettingsError(
                f"setting model.freeze = {freeze}: not a number of blocks", f"0 to {len(self.network.blocks)}"
            )
        self.frozen = freeze
        self._missing: SettingsError | None = None
        try:
            self.network.load_state_dict(load_weights()[0])
        except SettingsError as error:
            self._missing = error  # no error yet: the weights may be loaded from a run
        for block in self.network.blocks[:freeze]:
            block.requires_grad_(False)

    def train(self, mode: bool = True) -> AiSfxTuned:
        """Frozen blocks stay in evaluation mode: their batch statistics are part of the trained network."""
        super().train(mode)
        for block in self.network.blocks[: self.frozen]:
            block.eval()
        return self

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._missing = None

    def embed(self, x: Tensor) -> Tensor:
        """Waves (B, T) -> (B, 512). Raises `SettingsError` without weights of the package or of a run."""
        if self._missing is not None:
            raise self._missing
        with torch.no_grad():
            h = self.spectrogram(_peaked(x))  # (B, 1, F, M)
            for block in self.network.blocks[: self.frozen]:
                h = block(h)
        for block in self.network.blocks[self.frozen :]:
            h = block(h)
        return h.mean(dim=3).amax(dim=2)  # (B, 512)


def _peaked(x: Tensor) -> Tensor:
    """Waves (B, T) scaled to a peak of 1, as in the training of the network; silence stays silent."""
    return x / x.abs().amax(dim=1, keepdim=True).clamp_min(1e-6)
