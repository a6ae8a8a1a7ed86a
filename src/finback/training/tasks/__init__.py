"""The registry of the training tasks of generators and vocoders.

Every task has the constructor `(model, inputs, labels, training settings, settings of the family, validation
clips)` and implements `finback.training.loop.Task`. A model without a task is fitted in closed form by its
method `fit(x, labels)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from finback.core.registry import looked_up
from finback.core.settings import Frozen
from finback.core.types import Clip, Labels
from finback.training.batches import TrainingInputs
from finback.training.loop import Task
from finback.training.loop_settings import TrainingSettings

TASKS = {
    "diffusion": "finback.training.tasks.diffusion:DiffusionTask",
    "residual-diffusion": "finback.training.tasks.residual_diffusion:ResidualDiffusionTask",
    "vae": "finback.training.tasks.vae:VaeTask",
    "vocoder": "finback.training.tasks.vocoder:VocoderTask",
}


def task_for(
    model: Any,
    inputs: TrainingInputs,
    labels: Labels,
    training: TrainingSettings,
    own: Frozen,
    val: Sequence[Clip],
) -> Task:
    """A task of the kind that the model names; `own` are the settings of its family."""
    task = looked_up(TASKS, getattr(model, "trained_by", model.task), "training task")
    return cast(Task, task(model, inputs, labels, training, own, val))
