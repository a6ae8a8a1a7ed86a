"""Which task teaches which kind of generator or vocoder: the one list of them.

Every task is made of `(model, inputs, labels, training settings, own settings, validation clips)` and keeps
the loop's `Task` contract. A model with no task is fitted in closed form by its own `fit(x, labels)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finback.core.registry import looked_up
from finback.core.settings import Frozen
from finback.core.types import Clip, Labels
from finback.training.batches import TrainingInputs
from finback.training.loop import Task
from finback.training.loop_settings import TrainingSettings

TASKS = {
    "diffusion": "finback.training.tasks.diffusion:DiffusionTask",
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
    """The task that the model names."""
    made: Task = looked_up(TASKS, model.task, "training task")(model, inputs, labels, training, own, val)
    return made
