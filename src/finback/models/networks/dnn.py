"""`dnn`: a plain deep network on the flattened spectrogram, with batch norm and dropout.

Good for: a baseline. It does not use which values are neighbours in time or frequency, so it needs calls that
are always at the same position. Its score above the no-audio baselines shows how much the raw spectrogram
tells.
"""

from __future__ import annotations

from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.blocks import Standardise
from finback.models.networks.classifier import Classifier


class DNN(Classifier):
    """(B, 1, M, F) -> flatten -> two hidden layers -> linear head."""

    def __init__(
        self, spec: FeatureSpec, n_classes: int, hidden: int = 512, embedding: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__(spec, n_classes, n_features=embedding, dropout=dropout)
        self.layers = nn.Sequential(
            Standardise(spec.scale),
            nn.Flatten(),
            nn.Linear(spec.n_mels * spec.n_frames, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, embedding),
            nn.BatchNorm1d(embedding),
            nn.ReLU(inplace=True),
        )

    def embed(self, x: Tensor) -> Tensor:
        return self.layers(x)  # (B, embedding)
