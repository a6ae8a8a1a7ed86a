"""A new model to a trained one, stage by stage as its family says, on given sides.

Each gradient stage has its folder and resumes by itself; the last leaves `weights.safetensors` in the run's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.run_files import WEIGHTS
from finback.core.types import Clip, Labels
from finback.features.spec import FeatureSpec
from finback.models.devices import torch_device
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_logits
from finback.models.weights import load_weights, save_tensors
from finback.training.batches import TrainingInputs
from finback.training.loop import fit
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import group_codes
from finback.training.tasks.classifier import ClassifierTask, figures
from finback.training.tasks.contrastive import ContrastTask


class Fittable(Protocol):
    """A head that is fitted in closed form."""

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, tapes: np.ndarray) -> None: ...


@dataclass(frozen=True)
class FitContext:
    """What is the same for every stage of a run."""

    settings: TrainingSettings
    labels: Labels
    seed: int = 0
    device: str = "auto"
    progress: Progress = field(default=no_progress)
    rare: tuple[str, ...] = ()  # species that are imprinted after training


def new_model(family: str, spec: FeatureSpec, n_classes: int, chosen: Mapping[str, Any], seed: int) -> Any:
    """A model with its first weights, which `seed` alone decides."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return models.create(family, spec, n_classes, **chosen)


def check_stages(model: Classifier, settings: TrainingSettings) -> None:
    """Raises `SettingsError` for settings that the family's stages cannot follow."""
    if settings.freeze_encoder and "contrast" not in model.stages:
        raise SettingsError(
            "training.freeze_encoder with a family whose encoder is not pre-trained",
            "train supcon, or leave it out",
        )


def run_stages(
    model: Classifier, inputs: TrainingInputs, val: Sequence[Clip], context: FitContext, folder: Path
) -> dict[str, Any]:
    """Train `model` in place, selected on `val`, on its device; returns the facts of the end.

    `epochs` among them is how many the selected weights had seen.
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
    """Every window of every training clip is an example; a clip counts once, however many it has."""
    windows = [inputs.store(clip) for clip in context.progress(inputs.clips, "reading", len(inputs.clips))]
    n_windows = np.array([len(w) for w in windows])
    y = np.repeat(context.labels.targets(inputs.clips), n_windows)
    tapes, weights = np.repeat(group_codes(inputs.clips), n_windows), np.repeat(1.0 / n_windows, n_windows)
    cast(Fittable, model).fit(np.concatenate(windows), y, weights, tapes)
    save_tensors(folder / WEIGHTS, model.state_dict(), {})
    model.to(torch_device(context.device)).eval()
    score = figures(clip_logits([model], inputs.store, val)[0], context.labels.targets(val)) if val else {}
    return {"step": 0, "best": score.get("val_macro_f1"), "best_step": 0, "finished": True, "epochs": 0}
