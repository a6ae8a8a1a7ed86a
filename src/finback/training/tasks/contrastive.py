"""Contrastive pre-training: the loss pulls clips of a species together in the embedding, across groups.

Every drawn clip gives two views with different augmentation. The setting `positives` says which pairs are
pulled together. With "tapes" these are clips of the same species in different recording groups (tapes,
deployments, site-days), where the species has several groups. The embedding then cannot reduce the loss by
recognising the group. With "species" they are all clips of the species; with "clip" only the two views of a
clip, which needs no labels (SimCLR: Chen et al. 2020). Then a classifier is trained on the encoder, which is
fine-tuned or frozen.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.types import Labels
from finback.models.networks.classifier import Classifier
from finback.training.batches import TrainingInputs
from finback.training.loop_settings import TrainingSettings
from finback.training.losses import supcon
from finback.training.sampling import draw_weights, draws_per_epoch, group_codes

N_PROJECTED = 64


class Projected(nn.Module):
    """An encoder and the two-layer projection that the loss is computed on. Only the encoder is kept."""

    def __init__(self, classifier: Classifier, n_features: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.projection = nn.Sequential(
            nn.Linear(n_features, n_features), nn.ReLU(), nn.Linear(n_features, N_PROJECTED)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> unit vectors (B, P)."""
        return nn.functional.normalize(self.projection(self.classifier.embed(x)), dim=1)


class ContrastTask:
    """The supervised contrastive loss over two views of each drawn clip, without validation."""

    score = ""

    def __init__(
        self, model: Classifier, inputs: TrainingInputs, labels: Labels, settings: TrainingSettings, seed: int
    ) -> None:
        model.head.requires_grad_(False)  # not part of this loss; the next stage trains it
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.model: nn.Module = Projected(model, model.head[-1].in_features)  # type: ignore[arg-type]
        self.inputs = inputs
        self.settings = settings
        targets = labels.targets(inputs.clips)
        self.groups = group_codes(inputs.clips)
        self.labels = np.arange(len(targets)) if settings.positives == "clip" else targets
        self.steps_per_epoch = max(1, -(-draws_per_epoch(inputs.clips) // settings.batch_size))
        self._weights = draw_weights(inputs.clips, targets, settings)

    def kept(self, model: nn.Module) -> nn.Module:
        """The classifier, whose encoder was trained."""
        return model.classifier  # type: ignore[return-value]

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(two views of each clip (2B, ...), ids of what counts as the same (2B,), group ids (2B,))."""
        drawn = rng.choice(len(self.labels), self.settings.batch_size, p=self._weights)
        twice = np.concatenate([drawn, drawn])
        x = self.inputs(rng, twice)
        return x, torch.from_numpy(self.labels[twice]), torch.from_numpy(self.groups[twice])

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """The contrastive loss of a batch."""
        x, same, group = batch
        across = self.settings.positives == "tapes"
        return {"contrast": supcon(model(x), same, group, self.settings.temperature, across)}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Nothing: the weights after the last step are kept."""
        return {}
