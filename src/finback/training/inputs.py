"""Training clips to batches of model inputs, augmented: what the gradient hears.

A long clip gives one of its windows at a time, drawn anew. Spectrogram models hear cached log-mels, unless
the waves themselves are augmented: then each batch's waves are, and its log-mels are computed from them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from finback.augment import spectrum
from finback.augment.spectrum import SpectrumSettings
from finback.data.store import FeatureStore
from finback.types import Clip


class Inputs:
    """Drawn clips -> one augmented batch, (B, 1, M, F), (B, T) or (B, D) after the model's front end."""

    def __init__(
        self, store: FeatureStore, clips: Sequence[Clip], augment: SpectrumSettings | None = None
    ) -> None:
        self.store = store
        self.clips = clips
        self.input = store.extractor.input
        self.augment = augment if self.input == "logmel" else None

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> Tensor:
        """Inputs of the clips numbered `drawn` (B,); every random number from `rng`."""
        windows = []
        for i in drawn:
            features = self.store(self.clips[i])
            windows.append(features[rng.integers(len(features))])
        x = torch.from_numpy(np.stack(windows))
        if self.input == "logmel":
            x = x[:, None]  # (B, 1, M, F)
            if self.augment is not None:
                x = spectrum.apply(x, spectrum.draw(rng, self.augment, (len(x), *x.shape[2:])))
        return x
