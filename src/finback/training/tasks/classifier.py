"""Training a classifier by cross-entropy: the task that the loop drives."""

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
    """Cross-entropy over species, judged by macro-F1 on validation clips of other tapes.

    An epoch is as many draws as there are real training clips. Validation averages over a clip's windows.
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
        self.tapes = group_codes(inputs.clips)
        self.steps_per_epoch = max(1, -(-draws_per_epoch(inputs.clips) // settings.batch_size))
        self.model: nn.Module = model
        if settings.domain != "none":
            n_features = cast(nn.Linear, model.head[-1]).in_features
            self.model = GroupAware(model, n_features, int(self.tapes.max()) + 1)
        self._weights = draw_weights(inputs.clips, self.targets, settings)
        counts = np.bincount(self.targets, minlength=len(labels)).astype(float)
        prior = np.log(np.maximum(counts, 1.0) / counts.sum())
        # Logit adjustment (Menon et al. 2021, eq. 10, tau = 1): rare species get the benefit in training.
        self._adjustment = torch.tensor(
            prior if settings.balance == "logits" else 0 * prior, dtype=torch.float32
        )

    def kept(self, model: nn.Module) -> nn.Module:
        """The classifier within what is trained."""
        return model.classifier if isinstance(model, GroupAware) else model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(inputs (B, ...), soft targets (B, K), tapes (B,)), augmented and mixed."""
        settings = self.settings
        drawn = rng.choice(len(self.targets), settings.batch_size, p=self._weights)
        x = self.inputs(rng, drawn)
        y = nn.functional.one_hot(torch.from_numpy(self.targets[drawn]), len(self.labels)).float()  # (B, K)
        x, y = apply_mix(x, y, draw_mix(rng, len(x), settings.mixup, settings.cutmix, x.shape[-1]))
        return x, y, torch.from_numpy(self.tapes[drawn])

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        x, y, tape = batch
        settings = self.settings
        if settings.freeze_encoder:  # its batch norms stand still too
            model.eval()
            cast(nn.Module, self.kept(self.model).head).train()
        if settings.domain == "none":
            return {"cross_entropy": self._cross_entropy(model(x), y).mean()}
        logits, guessed = model(x, settings.domain_weight)
        each = self._cross_entropy(logits, y)
        if settings.domain == "adversarial":
            return {"cross_entropy": each.mean(), "tape": nn.functional.cross_entropy(guessed, tape)}
        robust = cast(GroupAware, self.model).robust(each, tape, settings.domain_weight)
        return {"group_dro": robust, "tape": 0.0 * guessed.sum()}

    def _cross_entropy(self, logits: Tensor, y: Tensor) -> Tensor:
        """(B,) of logits and soft targets (B, K)."""
        adjusted = logits + self._adjustment.to(logits.device)
        smoothing = self.settings.label_smoothing
        return nn.functional.cross_entropy(adjusted, y, label_smoothing=smoothing, reduction="none")

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Loss, accuracy and macro-F1 over the species that validation holds."""
        if not self.val:
            return {}
        logits = clip_logits([cast(Classifier, self.kept(model))], self.inputs.store, self.val)[0]
        return figures(logits, self.labels.targets(self.val))


def figures(logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Validation figures of logits (N, K) and class ids (N,)."""
    loss = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))
    guess = logits.argmax(axis=1)
    present = np.unique(truth)  # the same set at every epoch, whatever is guessed
    return {
        "val_loss": float(loss),
        "val_accuracy": float((guess == truth).mean()),
        "val_macro_f1": float(f1_score(truth, guess, labels=present, average="macro", zero_division=0)),
    }
