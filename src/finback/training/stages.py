"""The training of a classifier on given training and validation clips, in the stages that its family names.

Each stage that is trained by gradient descent has a folder and resumes from its own checkpoint. The last
stage writes `weights.safetensors` into the folder of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from finback import models
from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import WEIGHTS
from finback.core.types import Clip, Labels
from finback.features.spec import FeatureSpec
from finback.models.devices import torch_device
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_logits
from finback.models.weights import load_weights, save_tensors
from finback.training.batches import TrainingInputs
from finback.training.fitted_heads import Windows, fit_head
from finback.training.loop import fit
from finback.training.loop_settings import TrainingSettings
from finback.training.tasks.classifier import ClassifierTask, figures
from finback.training.tasks.contrastive import ContrastTask


@dataclass(frozen=True)
class FitContext:
    """Settings that all stages of a run share."""

    settings: TrainingSettings
    labels: Labels
    seed: int = 0
    device: str = "auto"
    progress: Progress = field(default=no_progress)
    rare: tuple[str, ...] = ()  # species that training leaves out, to be imprinted after it


def new_model(family: str, spec: FeatureSpec, n_classes: int, chosen: Mapping[str, Any], seed: int) -> Any:
    """A model with initial weights, which depend on `seed` only."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return models.create(family, spec, n_classes, **chosen)


def check_stages(model: Classifier, settings: TrainingSettings) -> None:
    """Raises `SettingsError` for settings that do not fit the stages of the model."""
    if settings.freeze_encoder and "contrast" not in model.stages:
        raise SettingsError(
            "training.freeze_encoder with a family whose encoder is not pre-trained",
            "train supcon, or leave this setting out",
        )
    if settings.copies and model.stages != ("fit",):
        raise SettingsError(
            f"training.copies = {settings.copies} with a family that is trained by gradient descent",
            "leave it out: its batches are augmented by augment.* and wave.*",
        )


def run_stages(
    model: Classifier, inputs: TrainingInputs, val: Sequence[Clip], context: FitContext, folder: Path
) -> dict[str, Any]:
    """Train `model` in place and select its weights on `val`; returns the final state of the training.

    The key `epochs` of the result is the number of epochs after which the selected weights were saved.
    """
    if model.stages == ("fit",):
        return _fit_head(model, inputs, val, context, folder)
    if "contrast" in model.stages:
        longer = context.settings.model_copy(update={"epochs": context.settings.contrast_epochs})
        task = ContrastTask(model, inputs, context.labels, longer, context.seed)
        fit(task, longer, folder / "contrast", context.seed, context.device, context.progress)
        load_weights(model, folder / "contrast" / WEIGHTS)
    model.requires_grad_(not context.settings.freeze_encoder)
    model.head.requires_grad_(True)
    classify = ClassifierTask(model, inputs, context.labels, context.settings, val)
    end = fit(classify, context.settings, folder, context.seed, context.device, context.progress)
    load_weights(model, folder / WEIGHTS)
    model.to(torch_device(context.device))
    return {**end, "epochs": max(1, round(end["best_step"] / classify.steps_per_epoch))}


def _fit_head(
    model: Classifier, inputs: TrainingInputs, val: Sequence[Clip], context: FitContext, folder: Path
) -> dict[str, Any]:
    """Fit the head to all windows of the training clips."""
    copies = context.settings.copies
    fit_head(model, Windows.of(inputs.clips, inputs.store, context.labels, context.progress, copies))
    save_tensors(folder / WEIGHTS, model.state_dict(), {})
    model.to(torch_device(context.device)).eval()
    score = figures(clip_logits([model], inputs.store, val)[0], context.labels.targets(val)) if val else {}
    return {"step": 0, "best": score.get("val_macro_f1"), "best_step": 0, "finished": True, "epochs": 0}
