"""The training task of the diffusion model: the network learns to remove noise from log-mels of clips.

Loss and noise levels are those of EDM (Karras et al. 2022, arXiv 2206.00364, section 5): the logarithm of the
noise level is normally distributed, and the error is weighted so that all levels have equal weight. Some
examples have no species, so that one network predicts with and without the species (classifier-free guidance,
Ho & Salimans 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.types import Clip, Labels
from finback.features.cache import windows_of
from finback.models.networks.generator import Generator
from finback.models.networks.preconditioning import draw_sigma, loss_weight, precondition
from finback.training.batches import TrainingInputs
from finback.training.generative_settings import DiffusionSettings
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import draw_weights

VALIDATION_DRAWS = 48


class DiffusionTask:
    """Denoising score matching over log-mels. Every species is drawn equally often."""

    score = ""  # validation selects nothing: the average after the last step is the model

    def __init__(
        self,
        model: Generator,
        inputs: TrainingInputs,
        labels: Labels,
        training: TrainingSettings,
        own: DiffusionSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.model = model
        self.inputs = inputs
        self.labels = labels
        self.training = training
        self.own = own
        self.targets = labels.targets(inputs.clips)
        self.steps_per_epoch = max(1, -(-len(inputs.clips) // training.batch_size))
        self._weights = draw_weights(inputs.clips, self.targets, training)
        self._val = windows_of(inputs.store, val, labels) if val else None

    def kept(self, model: nn.Module) -> nn.Module:
        """The whole model."""
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Log-mels (B, 1, M, F) in dB, class ids (B,) or K for none, noise levels (B,), normal noise."""
        drawn = rng.choice(len(self.targets), self.training.batch_size, p=self._weights)
        x = self.inputs(rng, drawn)
        rolled = rng.random(len(x)) < self.own.shift
        by = np.where(rolled, rng.integers(x.shape[-1], size=len(x)), 0)
        x = torch.stack([torch.roll(one, int(n), dims=-1) for one, n in zip(x, by, strict=True)])
        keeps_label = rng.random(len(x)) >= self.own.label_dropout
        y = torch.from_numpy(np.where(keeps_label, self.targets[drawn], len(self.labels)))
        return (x, y, *self._noise(rng, x))

    def _noise(self, rng: np.random.Generator, x: Tensor) -> tuple[Tensor, Tensor]:
        """Noise levels (B,) and standard normal noise (B, 1, M, F) for inputs `x`."""
        normal = torch.from_numpy(rng.standard_normal(len(x), dtype=np.float32))
        noise = torch.from_numpy(rng.standard_normal(tuple(x.shape), dtype=np.float32))
        return draw_sigma(normal, self.own.sigma_mean, self.own.sigma_spread), noise

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Weighted squared error of the denoised spectrogram."""
        x, y, sigma, noise = batch
        x = self.model.scale.to_units(x)
        denoised = precondition(model, self.own.sigma_data)(x + sigma[:, None, None, None] * noise, sigma, y)
        error = (denoised - x).square().mean(dim=(1, 2, 3))
        return {"denoising": (loss_weight(sigma, self.own.sigma_data) * error).mean()}

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """The same loss on validation clips, with the same noise at every epoch."""
        if self._val is None:
            return {}
        rng = np.random.default_rng(0)
        chosen = rng.integers(len(self._val[0]), size=VALIDATION_DRAWS)
        x, y = self._val[0][chosen], self._val[1][chosen]
        device = self.model.scale.mean.device
        total = 0.0
        for i in range(0, len(x), self.training.batch_size):
            part = slice(i, i + self.training.batch_size)
            batch = (x[part], y[part], *self._noise(rng, x[part]))
            moved = tuple(t.to(device) for t in batch)
            total += float(self.losses(model, moved)["denoising"]) * len(x[part])
        return {"val_denoising": total / len(x)}
