"""The training loop, the same for every kind of model.

A `Task` defines model, batches, losses and score. The loop defines steps, devices, averaging, checkpoints and
early stopping. The random numbers of a step depend only on the seed and the step, so a run that was killed
and resumed ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import CHECKPOINT, WEIGHTS
from finback.core.signals import HeldSignal, held_signals
from finback.models.devices import fabric_for, tune_allocator
from finback.models.weights import load_tensors, pack, save_tensors, unpack
from finback.training.log import TrainingLog
from finback.training.loop_settings import TrainingSettings
from finback.training.schedule import AveragedWeights, learning_rate


class Task(Protocol):
    """What the loop trains. `score`: the validation figure that selects the weights, higher is better."""

    model: nn.Module
    steps_per_epoch: int
    score: str

    def kept(self, model: nn.Module) -> nn.Module:
        """The part of the trained model (or of its average) whose weights are saved."""
        ...

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """One batch on the CPU; every random number is from `rng`, the generator of this step."""
        ...

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Scalar losses by name. The loop minimises their sum and logs each."""
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Validation figures of the averaged model by name; empty without validation clips."""
        ...


@runtime_checkable
class Measured(Protocol):
    """A task that measures its training batches besides the losses."""

    def of_batch(self) -> dict[str, float]:
        """Figures of the batch of the last call of `losses`, which are logged and not minimised."""
        ...


class State:
    """The progress of a training: plain numbers, saved with every checkpoint."""

    def __init__(self) -> None:
        self.step = 0
        self.best = -math.inf
        self.best_step = 0
        self.finished = False
        self.log: dict[str, float] = {}  # sums of this epoch: each loss / steps per epoch

    def count(self, losses: dict[str, float], steps_per_epoch: int) -> None:
        """One more step, with these losses.

        What a checkpoint of an older version did not count waits for the next epoch: its sum lacks steps.
        """
        self.step += 1
        begun = bool(self.log)
        for name, value in losses.items():
            if begun and name not in self.log:
                continue
            self.log[name] = self.log.get(name, 0.0) + value / steps_per_epoch

    def to_json(self) -> dict[str, Any]:
        """Plain values for the header of a checkpoint; `restore` reads them."""
        best = None if math.isinf(self.best) else self.best
        return {
            "step": self.step,
            "best": best,
            "best_step": self.best_step,
            "finished": self.finished,
            "log": self.log,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Take over what `to_json` returned."""
        self.step, self.best_step = stored["step"], stored["best_step"]
        self.finished, self.log = stored["finished"], stored["log"]
        self.best = -math.inf if stored["best"] is None else stored["best"]


def fit(
    task: Task,
    settings: TrainingSettings,
    folder: Path,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train a model, from the checkpoint in `folder` if there is one; write `weights.safetensors` there.

    Returns the final state (`State.to_json`): number of steps, best step and best score. Raises
    `FinbackError` on a full disk (the last checkpoint is intact) and `RunError` when the loss is not finite.
    Ctrl-C, SIGTERM and SIGHUP act after the step that is being computed, when a checkpoint is written.
    """
    tune_allocator()
    fabric = fabric_for(device, settings.precision)
    fabric.launch()
    average = AveragedWeights(task.model, settings.ema_half_life * task.steps_per_epoch)
    optimizer = torch.optim.AdamW(parameter_groups(task.model, settings), lr=settings.learning_rate)
    state = State()
    if (folder / CHECKPOINT).exists():
        tensors, stored = load_tensors(folder / CHECKPOINT)
        unpack(tensors, task.model, average.model, optimizer)
        state.restore(stored)
    average.model.to(fabric.device)
    model, optimizer = fabric.setup(task.model, optimizer)
    log = TrainingLog(folder, state.step, settings.tensorboard) if fabric.is_global_zero else None

    n_steps = settings.epochs * task.steps_per_epoch
    saved_at = time.monotonic()

    def checkpoint() -> float:
        if fabric.is_global_zero:
            save_tensors(folder / CHECKPOINT, pack(task.model, average.model, optimizer), state.to_json())
        return time.monotonic()

    steps = range(state.step, state.step if state.finished else n_steps)
    with held_signals() as held:
        for step in progress(steps, "training", len(steps)):
            losses = _step(task, model, optimizer, fabric, settings, (step, n_steps, seed))
            average.update(task.model, step)
            state.count(losses, task.steps_per_epoch)
            if state.step % task.steps_per_epoch == 0:
                _end_epoch(task, average.model, state, folder, log)
                waited = state.step - state.best_step
                if not math.isinf(state.best) and waited >= settings.patience * task.steps_per_epoch:
                    break
            asked_to_end = _asked_to_end(held, fabric)
            if asked_to_end or time.monotonic() - saved_at >= settings.checkpoint_s:
                saved_at = checkpoint()
                held.deliver()
    if not state.finished:
        if math.isinf(state.best):  # no validation score: keep the average after the last step
            state.best_step = state.step
            if fabric.is_global_zero:
                save_tensors(folder / WEIGHTS, task.kept(average.model).state_dict(), state.to_json())
        state.finished = True
        checkpoint()
    return state.to_json()


def _asked_to_end(held: HeldSignal, fabric: Any) -> bool:
    """Whether a signal came; of several processes that train together, all end after the same step."""
    if fabric.world_size > 1:
        numbers = torch.tensor(held.number, device=fabric.device)
        held.number = int(fabric.all_reduce(numbers, reduce_op="max"))
    return held.number != 0


def _step(
    task: Task, model: Any, optimizer: Any, fabric: Any, settings: TrainingSettings, at: tuple[int, int, int]
) -> dict[str, float]:
    """One optimizer step; returns its losses. `at`, (step, n_steps, seed), fixes its random numbers."""
    step, n_steps, seed = at
    rng = np.random.default_rng([seed, step, fabric.global_rank])
    batch = fabric.to_device(task.batch(rng))
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * learning_rate(step, n_steps, settings.learning_rate, settings.warmup)
    model.train()
    cards = [fabric.device] if fabric.device.type == "cuda" else []
    with torch.random.fork_rng(cards):  # dropout draws from torch's own generator
        torch.manual_seed(int(rng.integers(2**62)))
        losses = task.losses(model, batch)
        total = torch.stack(list(losses.values())).sum()
        fabric.backward(total)
    if not torch.isfinite(total):
        raise RunError(
            f"the loss is {total.item()} at step {step}", "lower training.learning_rate and run again"
        )
    fabric.clip_gradients(model, optimizer, max_norm=settings.clip_gradient, error_if_nonfinite=False)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)  # keeps the memory: allocating it at every step is slow
    plain = {name: float(value.detach()) for name, value in losses.items()}
    return {"loss": float(total.detach()), **plain, **(task.of_batch() if isinstance(task, Measured) else {})}


def _end_epoch(task: Task, averaged: nn.Module, state: State, folder: Path, log: TrainingLog | None) -> None:
    """Validate the average, save it if it is the best so far, and log a line (first process only)."""
    figures = task.validate(averaged)
    score = figures.get(task.score)
    better = score is not None and score >= state.best  # of equal scores the later, which has trained longer
    if better and score is not None:
        state.best, state.best_step = score, state.step
    if log is not None:
        if better:
            save_tensors(folder / WEIGHTS, task.kept(averaged).state_dict(), state.to_json())
        log.write({"step": state.step, "epoch": state.step // task.steps_per_epoch, **state.log, **figures})
    state.log = {}


def parameter_groups(model: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only, not for biases and normalisation.

    Parts that `model.slower` names have a share of the learning rate, "rate".
    """
    slower: Mapping[str, float] = getattr(model, "slower", {})
    groups: list[dict[str, Any]] = []
    named = {k: p for k, p in model.named_parameters() if p.requires_grad}
    for part, rate in {**slower, "": 1.0}.items():
        own = [named.pop(name) for name in list(named) if name.startswith(part)]
        decayed, plain = ([p for p in own if (p.ndim > 1) == wide] for wide in (True, False))
        groups += [
            {"params": decayed, "weight_decay": settings.weight_decay, "rate": rate},
            {"params": plain, "weight_decay": 0.0, "rate": rate},
        ]
    return groups
