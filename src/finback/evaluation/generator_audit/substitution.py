"""Can samples replace recordings? Students trained on samples and tested on recordings, and the reverse.

Each student is trained from scratch on log-mels, with the same number of steps for every set, and predicts
from log-mels. There are two students, because the result of one may come from its own weakness:

- `cnn2d`: the standard network at half its width, a few hundred steps, with the usual augmentation;
- `bands`: logistic regression on mean and deviation over time of every band, without the level.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finback import models
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.features.spec import FeatureSpec
from finback.models.networks.heads import Logistic
from finback.models.scoring import through
from finback.models.weights import load_weights
from finback.training.augment import spectrum
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.loop import fit
from finback.training.loop_settings import TrainingSettings

LogMels = NDArray[np.float32]  # (N, M, F) dB
Student = Callable[[LogMels], NDArray[np.float32]]  # log-mels (N, M, F) -> logits (N, K)
STEPS, BATCH, WIDTH = 300, 32, 8


class ArrayTask:
    """Cross-entropy over log-mels in memory; every species is drawn equally often."""

    score = ""  # nothing is chosen by a score: the last average is the model
    steps_per_epoch = 10

    def __init__(self, model: nn.Module, x: LogMels, y: NDArray[np.int64]) -> None:
        self.model = model
        self.x = x
        self.y = y
        weights = 1.0 / np.bincount(y)[y]
        self._weights = weights / weights.sum()
        self._augment = SpectrumSettings()

    def kept(self, model: nn.Module) -> nn.Module:
        """The module whose weights are saved."""
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(log-mels (B, 1, M, F), class ids (B,))."""
        drawn = rng.choice(len(self.y), BATCH, p=self._weights)
        x = torch.from_numpy(self.x[drawn])[:, None]
        x = spectrum.apply(x, spectrum.draw(rng, self._augment, (BATCH, *self.x.shape[1:])))
        return x, torch.from_numpy(self.y[drawn])

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """The loss of a batch by name."""
        x, y = batch
        return {"cross_entropy": nn.functional.cross_entropy(model(x), y, label_smoothing=0.1)}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """No validation."""
        return {}


def train_cnn2d(
    x: LogMels,
    y: NDArray[np.int64],
    spec: FeatureSpec,
    n_classes: int,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Student:
    """A convolutional network trained on log-mels (N, M, F) with class ids (N,)."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = models.create("cnn2d", spec, n_classes, width=WIDTH)
    task = ArrayTask(model, x, y)
    epochs = max(1, STEPS // task.steps_per_epoch)
    settings = TrainingSettings(epochs=epochs, batch_size=BATCH, checkpoint_s=1e9)
    with TemporaryDirectory() as folder:
        fit(task, settings, Path(folder), seed, device, progress)
        load_weights(model, RunFiles(Path(folder)).weights)
    return lambda logmels: through(model, model, logmels)


def train_bands(x: LogMels, y: NDArray[np.int64], n_classes: int) -> Student:
    """Logistic regression on `band_statistics` of log-mels (N, M, F) with class ids (N,)."""
    head = Logistic(n_classes)
    head.fit(band_statistics(x), y, np.ones(len(y)))

    @torch.inference_mode()
    def predict(logmels: LogMels) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = head(torch.from_numpy(band_statistics(logmels)).float()).numpy()
        return logits

    return predict


def band_statistics(x: LogMels) -> NDArray[np.float32]:
    """(N, M, F) dB -> (N, 2 M): each band's mean re the mean of the clip, and its deviation over time."""
    level = x.mean(axis=(1, 2))[:, None]
    return np.concatenate([x.mean(axis=2) - level, x.std(axis=2)], axis=1)
