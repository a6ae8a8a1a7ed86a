"""Training a classifier: the task that the loop drives, from a split to calibrated weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from finback.augment import spectrum
from finback.augment.spectrum import SpectrumSettings
from finback.data.store import FeatureStore
from finback.models.classifier import Classifier
from finback.training.infer import clip_logits
from finback.training.settings import TrainingSettings
from finback.types import Clip, Labels


class ClassifierTask:
    """Cross-entropy over species, judged by macro-F1 on validation clips of other tapes.

    An epoch is as many draws as there are training clips. A long clip gives one of its windows at a time,
    drawn anew; validation averages over all of them.
    """

    score = "val_macro_f1"

    def __init__(
        self,
        model: Classifier,
        store: FeatureStore,
        labels: Labels,
        sides: tuple[Sequence[Clip], Sequence[Clip]],
        settings: TrainingSettings,
        augment: SpectrumSettings | None = None,
    ) -> None:
        self.model: nn.Module = model
        self.augment = augment if model.input == "logmel" else None
        self.store = store
        self.labels = labels
        self.train, self.val = sides
        self.settings = settings
        self.targets = labels.targets(self.train)
        self.steps_per_epoch = max(1, -(-len(self.train) // settings.batch_size))
        counts = np.bincount(self.targets, minlength=len(labels)).astype(float)
        self._weights = _draw_weights(self.targets, counts, settings)
        prior = np.log(np.maximum(counts, 1.0) / counts.sum())
        # Logit adjustment (Menon et al. 2021, eq. 10, tau = 1): rare species get the benefit in training.
        self._adjustment = torch.tensor(
            prior if settings.balance == "logits" else 0 * prior, dtype=torch.float32
        )

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(inputs (B, ...), soft targets (B, K)), augmented and mixed."""
        drawn = rng.choice(len(self.train), self.settings.batch_size, p=self._weights)
        windows = []
        for i in drawn:
            features = self.store(self.train[i])
            windows.append(features[rng.integers(len(features))])
        x = torch.from_numpy(np.stack(windows))
        y = nn.functional.one_hot(torch.from_numpy(self.targets[drawn]), len(self.labels)).float()  # (B, K)
        if self.model.input == "logmel":
            x = x[:, None]  # (B, 1, M, F)
            if self.augment is not None:
                x = spectrum.apply(x, spectrum.draw(rng, self.augment, (len(x), *x.shape[2:])))
        if self.settings.mixup > 0:
            share = float(rng.beta(self.settings.mixup, self.settings.mixup))
            order = torch.from_numpy(rng.permutation(len(x)))
            x, y = torch.lerp(x[order], x, share), torch.lerp(y[order], y, share)
        return x, y

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        x, y = batch
        logits = model(x) + self._adjustment.to(x.device)
        smoothing = self.settings.label_smoothing
        return {"cross_entropy": nn.functional.cross_entropy(logits, y, label_smoothing=smoothing)}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Loss, accuracy and macro-F1 over the species that validation holds."""
        if not self.val:
            return {}
        logits = clip_logits([cast(Classifier, model)], self.store, self.val)[0]
        truth = self.labels.targets(self.val)
        loss = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))
        guess = logits.argmax(axis=1)
        present = np.unique(truth)  # the same set at every epoch, whatever is guessed
        return {
            "val_loss": float(loss),
            "val_accuracy": float((guess == truth).mean()),
            "val_macro_f1": float(f1_score(truth, guess, labels=present, average="macro", zero_division=0)),
        }


def _draw_weights(targets: np.ndarray, counts: np.ndarray, settings: TrainingSettings) -> np.ndarray:
    """Chance (N,) of each training clip to be drawn.

    Balanced, every species has an equal share, but one with fewer than `full_share` clips a smaller one in
    proportion: the single clip of a species heard once would else be drawn as often as forty of another.
    """
    if settings.balance != "sampling":
        return np.full(len(targets), 1.0 / len(targets))
    weights: np.ndarray = 1.0 / np.maximum(counts, settings.full_share)[targets]
    return weights / weights.sum()
