"""The loop on a toy task: it learns, logs, stops, resumes to the same weights, survives a full disk."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finback.core.errors import FinbackError, RunError, SettingsError
from finback.core.runs.files import CHECKPOINT, LOG, WEIGHTS
from finback.core.signals import ENDING
from finback.models.device_names import check_device
from finback.models.devices import torch_device
from finback.models.weights import load_tensors
from finback.training.log import TrainingLog
from finback.training.loop import State, fit
from finback.training.loop_settings import TrainingSettings
from finback.training.schedule import AveragedWeights, learning_rate


class Toy:
    """Two Gaussian clouds, dropout and batch norm; `score` rises for `better` epochs, then falls."""

    steps_per_epoch = 5
    score = "val_score"

    def __init__(self, better: int = 99, poison_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)
        )
        self.better, self.poison_at, self.drawn, self.epoch = better, poison_at, 0, 0

    def kept(self, model: nn.Module) -> nn.Module:
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        y = rng.integers(0, 2, 16)
        x = rng.normal(size=(16, 4)) + y[:, None]
        if self.poison_at == self.drawn:
            x[0] = np.nan
        self.drawn += 1
        return torch.from_numpy(x).float(), torch.from_numpy(y)

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        return {"cross_entropy": nn.functional.cross_entropy(model(batch[0]), batch[1])}

    def validate(self, model: nn.Module) -> dict[str, float]:
        self.epoch += 1
        return {self.score: float(min(self.epoch, 2 * self.better - self.epoch))}


SETTINGS = TrainingSettings(epochs=6, batch_size=16, learning_rate=1e-2, checkpoint_s=0)


def weights(folder: Path, name: str = CHECKPOINT) -> dict[str, Tensor]:
    return load_tensors(folder / name)[0]


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def test_it_learns_and_logs(tmp_path: Path) -> None:
    end = fit(Toy(), SETTINGS, tmp_path, device="cpu")
    rows = log(tmp_path)
    assert [r["step"] for r in rows] == [5, 10, 15, 20, 25, 30]
    assert rows[-1]["cross_entropy"] < rows[0]["cross_entropy"]
    assert end["finished"]
    assert end["best_step"] == 30


def test_what_an_older_checkpoint_did_not_count_waits_for_the_next_epoch() -> None:
    state = State()
    state.restore({**State().to_json(), "step": 3, "log": {"loss": 1.5}})
    state.count({"loss": 1.0, "accuracy": 1.0}, steps_per_epoch=4)
    assert state.log == {"loss": 1.75}
    state.log = {}
    state.count({"loss": 1.0, "accuracy": 1.0}, steps_per_epoch=4)
    assert state.log == {"loss": 0.25, "accuracy": 0.25}


def test_same_seed_same_weights_other_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        fit(Toy(), SETTINGS, tmp_path / name, seed, device="cpu")
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("stop_at", [1, 5, 13, 29])
def test_interrupted_anywhere_ends_the_same(tmp_path: Path, stop_at: int) -> None:
    def interrupt(items: Any, what: str, total: int | None = None) -> Any:
        for i, item in enumerate(items):
            if i == stop_at:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        fit(Toy(), SETTINGS, tmp_path / "cut", device="cpu", progress=interrupt)
    assert load_tensors(tmp_path / "cut" / CHECKPOINT)[1]["step"] == stop_at
    toy = Toy()
    toy.epoch = stop_at // Toy.steps_per_epoch  # its score counts its own calls
    fit(toy, SETTINGS, tmp_path / "cut", device="cpu")
    fit(Toy(), SETTINGS, tmp_path / "whole", device="cpu")
    for name in (CHECKPOINT, WEIGHTS):
        assert same(weights(tmp_path / "cut", name), weights(tmp_path / "whole", name))
    assert log(tmp_path / "cut") == log(tmp_path / "whole")


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("stop_at", [1, 13, 29])
def test_a_signal_ends_training_after_a_checkpoint(tmp_path: Path, number: int, stop_at: int) -> None:
    def signalled(items: Any, what: str, total: int | None = None) -> Any:
        for i, item in enumerate(items):
            if i == stop_at:
                signal.raise_signal(number)  # as a scheduler does, in the middle of a step
            yield item

    seldom = SETTINGS.model_copy(update={"checkpoint_s": 1e6})
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(Toy(), seldom, tmp_path / "cut", device="cpu", progress=signalled)
    finally:
        signal.signal(number, before)
    assert load_tensors(tmp_path / "cut" / CHECKPOINT)[1]["step"] == stop_at + 1
    toy = Toy()
    toy.epoch = (stop_at + 1) // Toy.steps_per_epoch  # its score counts its own calls
    fit(toy, seldom, tmp_path / "cut", device="cpu")
    fit(Toy(), seldom, tmp_path / "whole", device="cpu")
    for name in (CHECKPOINT, WEIGHTS):
        assert same(weights(tmp_path / "cut", name), weights(tmp_path / "whole", name))
    assert log(tmp_path / "cut") == log(tmp_path / "whole")


def test_finished_training_is_left_alone(tmp_path: Path) -> None:
    fit(Toy(better=2), SETTINGS.model_copy(update={"patience": 2}), tmp_path, device="cpu")
    before = (tmp_path / CHECKPOINT).read_bytes()
    end = fit(Toy(better=2), SETTINGS.model_copy(update={"patience": 2}), tmp_path, device="cpu")
    assert end["step"] == 20  # best at epoch 2, two more without a better one
    assert end["best_step"] == 10
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_best_weights_are_kept_not_last(tmp_path: Path) -> None:
    fit(Toy(better=2), SETTINGS, tmp_path / "all", device="cpu")
    fit(Toy(), SETTINGS.model_copy(update={"epochs": 6}), tmp_path / "rising", device="cpu")
    best = weights(tmp_path / "all", WEIGHTS)
    average = {
        k.removeprefix("average."): v
        for k, v in weights(tmp_path / "all").items()
        if k.startswith("average.")
    }
    assert not same(best, average)
    last = {
        k.removeprefix("average."): v
        for k, v in weights(tmp_path / "rising").items()
        if k.startswith("average.")
    }
    assert same(weights(tmp_path / "rising", WEIGHTS), last)


def test_without_validation_the_last_average_is_the_model(tmp_path: Path) -> None:
    class Blind(Toy):
        def validate(self, model: nn.Module) -> dict[str, float]:
            return {}

    end = fit(Blind(), SETTINGS, tmp_path, device="cpu")
    assert end["best"] is None
    assert (tmp_path / WEIGHTS).exists()


def test_a_loss_that_is_no_number_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="learning_rate"):
        fit(Toy(poison_at=7), SETTINGS, tmp_path, device="cpu")


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(Toy(), SETTINGS.model_copy(update={"epochs": 1}), tmp_path, device="cpu")
    before = (tmp_path / CHECKPOINT).read_bytes()
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        real(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    stored = load_tensors(tmp_path / CHECKPOINT)
    from finback.models.weights import save_tensors

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FinbackError, match=r"o space left.*free some space"):
        save_tensors(tmp_path / CHECKPOINT, *stored)
    monkeypatch.undo()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert not list(tmp_path.glob(".*tmp*"))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    fit(Toy(), SETTINGS, tmp_path, device="cpu")
    (tmp_path / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(RunError, match=r"checkpoint\.safetensors: damaged"):
        fit(Toy(), SETTINGS, tmp_path, device="cpu")


def test_schedule_rises_then_falls() -> None:
    rates = [learning_rate(s, 100, 1.0, 0.1) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.01, abs=2e-3)


def test_average_halves_after_its_half_life() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = AveragedWeights(model, half_life_steps=100)
    nn.init.ones_(model.weight)
    for _ in range(100):
        average.update(model, step=10**6)
    assert average.model.weight.item() == pytest.approx(0.5, abs=1e-3)


def test_tensorboard_holds_the_same_figures(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(Toy(), SETTINGS.model_copy(update={"tensorboard": True}), tmp_path, device="cpu")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("loss")] == [row["step"] for row in log(tmp_path)]
    assert events.Scalars("loss")[-1].value == pytest.approx(log(tmp_path)[-1]["loss"])


def test_a_log_cut_short_by_a_kill_is_mended(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text('{"step": 5}\n{"step": 10}\n{"step": 15}\n{"ste')
    TrainingLog(tmp_path, since=10, tensorboard=False)
    assert (tmp_path / LOG).read_text() == '{"step": 5}\n{"step": 10}\n'


def test_half_precision_trains_too(tmp_path: Path) -> None:
    end = fit(Toy(), SETTINGS.model_copy(update={"precision": "bf16-mixed"}), tmp_path, device="cpu")
    assert end["finished"]
    assert log(tmp_path)[-1]["loss"] < log(tmp_path)[0]["loss"]


@pytest.mark.parametrize("device", ["gpu", "cpu:2", "cuda:x", "cpu*many", "cuda:99", ""])
def test_devices_that_are_none_are_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="device"):
        check_device(device)


def test_auto_is_some_device() -> None:
    assert torch_device("auto").type in {"cpu", "cuda", "mps"}


def test_two_processes_train_together(tmp_path: Path) -> None:
    """Data-parallel over two CPU processes, as over two cards."""
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_loop import Toy, SETTINGS
from finback.training.loop import fit
fit(Toy(), SETTINGS, Path({str(tmp_path)!r}), device="cpu*2")
"""
    (tmp_path / "job.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "job.py")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(log(tmp_path)) == SETTINGS.epochs
    single = tmp_path / "single"
    fit(Toy(), SETTINGS, single, device="cpu")
    assert not same(weights(tmp_path, WEIGHTS), weights(single, WEIGHTS))  # twice the batch
