"""`supcon`: any encoder, pre-trained by contrastive learning, then a linear head.

Good for: many recording groups (tapes, deployments, site-days) and few clips of each. The contrastive stage
(Khosla et al. 2020) pulls clips of a species together across groups. It learns from pairs, of which there are
many more than clips. Choose the encoder by `--set model.encoder=lstm`; `--set training.freeze_encoder=true`
trains the head alone afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from torch import Tensor, nn

from finback import models
from finback.features.spec import FeatureSpec
from finback.models.networks.classifier import Classifier, Stage


class SupCon(Classifier):
    """Contrastive pre-training of another family's encoder, then a classifier on it."""

    stages: ClassVar[tuple[Stage, ...]] = ("contrast", "classify")

    def __init__(
        self, spec: FeatureSpec, n_classes: int, encoder: str = "cnn2d", dropout: float = 0.4
    ) -> None:
        inner = models.create(encoder, spec, n_classes)
        super().__init__(spec, n_classes, n_features=inner.head[-1].in_features, dropout=dropout)
        inner.head = nn.Sequential()  # not used: this family has a head
        self.encoder = inner
        self.input = inner.input  # type: ignore[misc]  # that of the encoder

    @property
    def front_end_settings(self) -> Mapping[str, str]:
        """Those of the encoder."""
        return cast(Mapping[str, str], self.encoder.front_end_settings)

    def embed(self, x: Tensor) -> Tensor:
        return self.encoder.embed(x)
