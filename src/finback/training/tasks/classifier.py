"""The training task of classifiers: cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from finback.core.types import Clip, Labels
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_logits
from finback.training.augment.mix import apply_mix, draw_mix
from finback.training.batches import TrainingInputs
from finback.training.loop_settings import TrainingSettings
from finback.training.losses import GroupAware
from finback.training.sampling import draw_weights, draws_per_epoch, group_codes


class ClassifierTask:
    """Cross-entropy over species; the weights are selected by the macro-F1 on the validation set.

    An epoch draws as many clips as there are real training clips. In validation, the answer for a clip is the
    mean over its windows.
    """

    score = "val_macro_f1"

    def __init__(
        self,
        model: Classifier,
        inputs: TrainingInputs,
        labels: Labels,
        settings: TrainingSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.inputs = inputs
        self.labels = labels
        self.val = val
        self.settings = settings
        self.targets = labels.targets(inputs.clips)
        self.groups = group_codes(inputs.clips)
        self.steps_per_epoch = max(1, -(-draws_per_epoch(inputs.clips) // settings.batch_size))
        self.model: nn.Module = model
        if settings.domain != "none":
            n_features = cast(nn.Linear, model.head[-1]).in_features
            self.model = GroupAware(model, n_features, int(self.groups.max()) + 1)
        self._weights = draw_weights(inputs.clips, self.targets, settings)
        self._accuracy = torch.tensor(0.0)
        counts = np.bincount(self.targets, minlength=len(labels)).astype(float)
        prior = np.log(np.maximum(counts, 1.0) / counts.sum())
        # Logit adjustment (Menon et al. 2021, eq. 10, tau = 1): training raises the logits of common species.
        self._adjustment = torch.tensor(
            prior if settings.balance == "logits" else 0 * prior, dtype=torch.float32
        )

    def kept(self, model: nn.Module) -> nn.Module:
        """The classifier without the parts that only training needs."""
        return model.classifier if isinstance(model, GroupAware) else model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(inputs (B, ...), soft targets (B, K), group ids (B,)), augmented and mixed."""
        settings = self.settings
        drawn = rng.choice(len(self.targets), settings.batch_size, p=self._weights)
        x = self.inputs(rng, drawn)
        y = nn.functional.one_hot(torch.from_numpy(self.targets[drawn]), len(self.labels)).float()  # (B, K)
        x, y = apply_mix(x, y, draw_mix(rng, len(x), settings.mixup, settings.cutmix, x.shape[-1]))
        return x, y, torch.from_numpy(self.groups[drawn])

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        x, y, group = batch
        settings = self.settings
        if settings.freeze_encoder:  # the statistics of its batch norms do not change either
            model.eval()
            cast(nn.Module, self.kept(self.model).head).train()
        if settings.domain == "none":
            logits = model(x)
            self._count(logits, y)
            return {"cross_entropy": self._cross_entropy(logits, y).mean()}
        logits, group_logits = model(x, settings.domain_weight)
        self._count(logits, y)
        each = self._cross_entropy(logits, y)
        if settings.domain == "adversarial":
            return {"cross_entropy": each.mean(), "tape": nn.functional.cross_entropy(group_logits, group)}
        robust = cast(GroupAware, self.model).robust(each, group, settings.domain_weight)
        return {"group_dro": robust, "tape": 0.0 * group_logits.sum()}

    def _count(self, logits: Tensor, y: Tensor) -> None:
        """Of logits and soft targets (B, K): the share of windows that got the species with most weight."""
        self._accuracy = (logits.detach().argmax(dim=1) == y.argmax(dim=1)).float().mean()

    def of_batch(self) -> dict[str, float]:
        """Accuracy on the augmented training windows, with dropout: lower than on the clips themselves."""
        return {"accuracy": float(self._accuracy)}

    def _cross_entropy(self, logits: Tensor, y: Tensor) -> Tensor:
        """Logits and soft targets (B, K) -> the loss of each example (B,)."""
        adjusted = logits + self._adjustment.to(logits.device)
        smoothing = self.settings.label_smoothing
        return nn.functional.cross_entropy(adjusted, y, label_smoothing=smoothing, reduction="none")

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Loss, accuracy and macro-F1 over the species in the validation set."""
        if not self.val:
            return {}
        logits = clip_logits([cast(Classifier, self.kept(model))], self.inputs.store, self.val)[0]
        return figures(logits, self.labels.targets(self.val))


def figures(logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Validation figures of logits (N, K) and class ids (N,)."""
    loss = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))
    predicted = logits.argmax(axis=1)
    present = np.unique(truth)  # the same species at every epoch, whatever the predictions
    return {
        "val_loss": float(loss),
        "val_accuracy": float((predicted == truth).mean()),
        "val_macro_f1": float(f1_score(truth, predicted, labels=present, average="macro", zero_division=0)),
    }
