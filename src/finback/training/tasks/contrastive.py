"""Pre-training by contrast: clips of one species are drawn together in the embedding, across tapes.

Every drawn clip gives two views, augmented apart. With `positives = "tapes"` only clips of other tapes count
as the same species (where it has others), so that the embedding cannot settle for recognising the tape; with
"species" every clip of the species counts; with "clip" only the clip's own other view, which needs no labels
(SimCLR: Chen et al. 2020). A classifier is then trained on the encoder, fine-tuned or frozen.
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
    """An encoder and the two-layer projection that the loss sees; only the encoder is kept."""

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
    """The supervised contrastive loss over two views of each drawn clip; nothing is validated."""

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
        return model.classifier  # type: ignore[return-value]

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(two views of each clip (2B, ...), what is the same (2B,), tapes (2B,))."""
        drawn = rng.choice(len(self.labels), self.settings.batch_size, p=self._weights)
        twice = np.concatenate([drawn, drawn])
        x = self.inputs(rng, twice)
        return x, torch.from_numpy(self.labels[twice]), torch.from_numpy(self.groups[twice])

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        x, same, tape = batch
        across = self.settings.positives == "tapes"
        return {"contrast": supcon(model(x), same, tape, self.settings.temperature, across)}

    def validate(self, model: nn.Module) -> dict[str, float]:
        return {}
