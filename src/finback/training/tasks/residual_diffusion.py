"""The training task of the denoiser that starts at the Wiener filter (models/networks/residual_denoiser.py).

The loss is the squared error of the denoised spectrogram, divided by the error that the filter expects of
itself at this noise level: 1 is the linear optimum, and all noise levels have equal weight. Only known frames
count. Noise levels of a batch are drawn in strata of a log-normal distribution, so that each step trains both
paths. Some examples have no tape, and some neither species nor tape, so that one network answers all
(classifier-free guidance, Ho & Salimans 2022, arXiv 2207.12598).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore, windows_of
from finback.features.lengths import true_frames
from finback.models.networks.conditions import N_MARKS, NO_TAPE, Conditions
from finback.models.networks.generator import level_of
from finback.models.networks.residual_denoiser import ResidualDenoiser
from finback.training.batches import TrainingInputs
from finback.training.generative_settings import DiffusionSettings
from finback.training.loop_settings import TrainingSettings
from finback.training.packing import Packer
from finback.training.sampling import draw_weights, group_codes

VALIDATION_DRAWS = 48


class ResidualDiffusionTask:
    """Denoising score matching over log-mels. Every species is drawn equally often."""

    score = ""  # validation selects nothing: the average after the last step is the model

    def __init__(
        self,
        model: ResidualDenoiser,
        inputs: TrainingInputs,
        labels: Labels,
        training: TrainingSettings,
        own: DiffusionSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.model = model
        self.labels = labels
        self.training = training
        self.own = own
        self.targets = labels.targets(inputs.clips)
        self.packer = Packer(inputs, self.targets)
        self.steps_per_epoch = max(1, -(-len(inputs.clips) // training.batch_size))
        self._weights = draw_weights(inputs.clips, self.targets, training)
        self._val = self._validation(inputs.store, val) if val else None

    def kept(self, model: nn.Module) -> nn.Module:
        """The whole model."""
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(B, 1, M, F) dB above the level, marks (B, 3, F), class ids, tapes, noise levels (B,), noise."""
        n = self.training.batch_size
        drawn = rng.choice(len(self.targets), n, p=self._weights)
        x, marks = self.packer(rng, drawn)
        keeps_label = rng.random(n) >= self.own.label_dropout
        keeps_tape = keeps_label & (rng.random(n) >= self.own.tape_dropout)
        y = torch.from_numpy(np.where(keeps_label, self.targets[drawn], len(self.labels)))
        tapes = torch.from_numpy(np.where(keeps_tape, self.packer.tapes[drawn], NO_TAPE))
        return (x, marks, y, tapes, *self._noise(rng, x))

    def _noise(self, rng: np.random.Generator, x: Tensor) -> tuple[Tensor, Tensor]:
        """Noise levels (B,), one from each of B strata in random order, and noise (B, 1, M, F)."""
        share = (rng.permutation(len(x)) + rng.random(len(x))) / len(x)
        sigma = np.exp(self.own.sigma_mean + self.own.sigma_spread * ndtri(np.clip(share, 1e-6, 1 - 1e-6)))
        noise = torch.from_numpy(rng.standard_normal(tuple(x.shape), dtype=np.float32))
        return torch.from_numpy(sigma.astype(np.float32)), noise

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Squared error of the denoised spectrogram, 1 for the linear optimum."""
        x, marks, y, tapes, sigma, noise = batch
        known = marks[:, -1]  # (B, F)
        x = self.model.scale.shape_to_units(x) * known[:, None, None]
        answer = model(x + sigma[:, None, None, None] * noise, sigma, y, tapes, marks)
        error = ((answer - x).square().mean(dim=(1, 2)) * known).sum(dim=1) / known.sum(dim=1)
        weight = self.model.loss_weight(sigma, Conditions(y, tapes, marks))
        return {"denoising": (weight * error).mean()}

    def _validation(self, store: FeatureStore, val: Sequence[Clip]) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (N, 1, M, F) in dB, class ids and true frames (N,)."""
        x, y = windows_of(store, val, self.labels)
        return x, y, frames_of(store, val)

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """The same loss on clips of tapes that the network does not know, with the same noise each time."""
        if self._val is None:
            return {}
        rng = np.random.default_rng(0)
        chosen = torch.from_numpy(rng.integers(len(self._val[0]), size=VALIDATION_DRAWS))
        x, y, frames = (part[chosen] for part in self._val)
        device = self.model.scale.mean.device
        total = 0.0
        for i in range(0, len(x), self.training.batch_size):
            part = slice(i, i + self.training.batch_size)
            known = (torch.arange(x.shape[-1]) < frames[part, None]).to(x.dtype)  # (B, F)
            shape = x[part] - level_of(x[part], frames[part])
            marks = torch.cat([known.new_zeros(len(known), N_MARKS - 1, x.shape[-1]), known[:, None]], dim=1)
            no_tape = torch.full_like(y[part], NO_TAPE)
            batch = (shape, marks, y[part], no_tape, *self._noise(rng, shape))
            moved = tuple(t.to(device) for t in batch)
            total += float(self.losses(model, moved)["denoising"]) * len(shape)
        return {"val_denoising": total / len(x)}


def fit_start(model: ResidualDenoiser, store: FeatureStore, clips: Sequence[Clip], labels: Labels) -> None:
    """The scale, the Wiener filter and the tapes of a new denoiser, from all windows of its clips."""
    x, y = windows_of(store, clips, labels)
    n_windows = np.array([len(store.extractor.windows(clip)) for clip in clips])
    weights = torch.ones(len(x), dtype=torch.float64)
    tapes = torch.from_numpy(np.repeat(group_codes(clips), n_windows))
    frames = frames_of(store, clips)
    model.scale.fit(x, y, frames)
    model.fit_start(x, y, frames, weights, tapes)


def frames_of(store: FeatureStore, clips: Sequence[Clip]) -> Tensor:
    """(N,) true frames of all windows of clips."""
    windows = [window for clip in clips for window in store.extractor.windows(clip)]
    return torch.from_numpy(true_frames(windows, store.extractor.spec))
