"""Training the vocoder: its distances by hand, its stretches, and the real recipe on simulated tapes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from finback.core.types import Clip, Labels, Recording
from finback.data.dataset import Dataset
from finback.features.logmel import LogMel
from finback.models.load import load_model
from finback.models.networks.vocoder import Vocoder
from finback.training.generative_settings import VocoderSettings
from finback.training.generator import train_generator
from finback.training.loop_settings import TrainingSettings
from finback.training.plan import Plan
from finback.training.settings import resolve
from finback.training.tasks.vocoder import (
    Reconstruction,
    VocoderTask,
    floored,
    multi_resolution,
    own_resolution,
    powers,
)

SMALL = ("model.width=8", "model.depth=1", "training.epochs=2", "vocoder.segment_frames=20")


class Waves:
    """Inputs and store in one: clips whose waves are made up, sawtooths in noise."""

    def __init__(self, clips: list[Clip]) -> None:
        rng = np.random.default_rng(0)
        self.clips, self.store = clips, self.window
        t = np.arange(8000) / 8000
        self.made = {
            c.key: (0.5 * ((t * rng.uniform(100, 400)) % 1 - 0.5) + rng.normal(0, 0.02, (1, 8000))).astype(
                np.float32
            )
            for c in clips
        }

    def window(self, clip: Clip) -> np.ndarray:
        return self.made[clip.key]

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([self.window(self.clips[i])[0] for i in drawn]))


def task(tiny: str, **own: float) -> VocoderTask:
    settings = resolve(tiny, SMALL, "vocoder")
    clips = [Clip(Recording(f"{i}", Path("x"), 8000, 8000), 0, 8000, "ab"[i % 2]) for i in range(12)]
    torch.manual_seed(0)
    model = Vocoder(settings.features, 2, width=16, depth=1)
    training = TrainingSettings(batch_size=4)
    chosen = VocoderSettings(**{"segment_frames": 20, **own})
    return VocoderTask(model, Waves(clips), Labels(("a", "b")), training, chosen, clips[:3])  # type: ignore[arg-type]


def test_equal_waves_are_at_no_distance() -> None:
    x = torch.randn(2, 4000)
    for distance in multi_resolution(x, x.clone(), 256):
        assert float(distance) == 0.0


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_a_gain_by_hand(gain: float) -> None:
    """Every magnitude is off by the same factor: log of it in nepers, and what is left as a share."""
    x = torch.randn(2, 4000)
    log_magnitude, convergence = multi_resolution(gain * x, x, 256)
    assert float(log_magnitude) == pytest.approx(abs(math.log(gain)), rel=1e-3)
    assert float(convergence) == pytest.approx(abs(gain - 1), rel=1e-3)


def test_what_lies_eighty_db_down_does_not_count() -> None:
    real = torch.tensor([[[1.0, 1e-4, 1e-9, 0.0]]])
    made = torch.tensor([[[1.0, 1e-12, 1e-12, 1e-10]]])
    a, b = floored(made, real)
    torch.testing.assert_close(b, torch.tensor([[[1.0, 1e-4, 1e-8, 1e-8]]]))
    torch.testing.assert_close(a, torch.tensor([[[1.0, 1e-8, 1e-8, 1e-8]]]))


def test_a_silent_stretch_costs_little() -> None:
    silence = torch.zeros(1, 4000)
    log_magnitude, convergence = multi_resolution(1e-7 * torch.randn(1, 4000), silence, 256)
    assert float(log_magnitude) < 0.1
    assert float(convergence) < 0.1


def test_own_resolution_is_that_of_the_features(tiny: str) -> None:
    """A magnitude twice the real one is off by log 2, and a wave of twice the size by 6 dB in every band."""
    vocoder = task(tiny).kept(task(tiny).model)
    assert isinstance(vocoder, Vocoder)
    real = torch.randn(2, 2560)
    meant = 2 * powers(real, 256, 128).sqrt()[..., :20].transpose(1, 2)
    magnitude, mel = own_resolution(vocoder, 2 * real, meant, real)
    assert float(magnitude) == pytest.approx(math.log(2), rel=1e-3)
    assert float(mel) == pytest.approx(20 * math.log10(2), rel=1e-3)


def test_batches_are_stretches_of_clips(tiny: str) -> None:
    made = task(tiny)
    stretches, noise = made.batch(np.random.default_rng(3))
    assert stretches.shape == (4, 20 * 128 + 128)
    assert noise.shape == (4, 20 * 128)
    assert float(noise.std()) == pytest.approx(1.0, abs=0.05)
    again = made.batch(np.random.default_rng(3))
    assert torch.equal(stretches, again[0])
    assert torch.equal(noise, again[1])
    waves = [w[0] for w in made.inputs.made.values()]  # type: ignore[attr-defined]
    firsts = []
    for one in stretches.numpy():
        places = [np.flatnonzero(np.isclose(w[: len(w) - len(one) + 1], one[0], atol=0)) for w in waves]
        found = [
            i
            for w, at in zip(waves, places, strict=True)
            for i in at
            if np.array_equal(w[i : i + len(one)], one)
        ]
        assert len(found) == 1
        firsts += found
    assert len(set(firsts)) > 1


def test_zero_frames_are_all_of_the_window(tiny: str) -> None:
    stretches, noise = task(tiny, segment_frames=0).batch(np.random.default_rng(0))
    assert noise.shape == (4, 60 * 128)
    assert stretches.shape == (4, 60 * 128 + 128)


def test_log_mels_are_those_of_the_features(tiny: str) -> None:
    """From the start of a clip a stretch gives the very frames that the store would give."""
    made = task(tiny)
    vocoder = made.kept(made.model)
    wave = made.inputs(np.random.default_rng(0), np.array([0, 1]))
    assert isinstance(vocoder, Vocoder)
    found = made._logmel(vocoder, wave[:, : 60 * 128 + 128], 60)
    torch.testing.assert_close(found, LogMel(made.spec)(wave), atol=1e-3, rtol=0)


def test_weights_multiply_their_losses(tiny: str) -> None:
    plain, batch = task(tiny), task(tiny).batch(np.random.default_rng(0))
    names = ("log_magnitude", "convergence", "magnitude", "mel")
    one = plain.losses(plain.model, batch)
    assert tuple(one) == names
    heavier = task(tiny, **{name: 2.0 * getattr(plain.own, name) for name in names})
    two = heavier.losses(heavier.model, batch)
    for name in names:
        torch.testing.assert_close(two[name], 2 * one[name])


def test_a_few_steps_bring_unheard_stretches_nearer(tiny: str) -> None:
    made = task(tiny)
    before = made.validate(made.model)
    optimizer = torch.optim.AdamW(made.model.parameters(), lr=3e-3)
    for step in range(12):
        optimizer.zero_grad()
        sum(made.losses(made.model, made.batch(np.random.default_rng(step))).values()).backward()  # type: ignore[union-attr]
        optimizer.step()
    after = made.validate(made.model)
    assert after["val_magnitude"] < 0.95 * before["val_magnitude"]
    assert sum(after.values()) < 0.97 * sum(before.values())


def test_rounds_in_training_are_its_own(tiny: str) -> None:
    made = task(tiny, rounds=5)
    assert isinstance(made.model, Reconstruction)
    assert made.model.rounds == 5
    vocoder = made.kept(made.model)
    assert isinstance(vocoder, Vocoder)
    assert vocoder.rounds == 6


def test_without_validation_there_are_no_figures(tiny: str) -> None:
    made = task(tiny)
    made._val = made._chosen(())
    assert made.validate(made.model) == {}


def test_the_real_recipe(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    """Trains, logs, loads, makes sound; trained once, it is not trained again."""
    plan = Plan("vocoder", resolve(tiny, SMALL, "vocoder"), device="cpu")
    run = train_generator(plan, tiny_dataset, tmp_path / "run")
    assert run.info.kind == "vocoder"
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert all(math.isfinite(line["val_log_magnitude"]) for line in lines)
    model = load_model(run.path, "vocoder", "cpu").network
    x = torch.rand(2, 1, 32, 60) * 40 - 60
    with torch.inference_mode():
        waves = model(x)
    assert waves.shape == (2, 60 * 128)
    weights = run.path / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    train_generator(plan, tiny_dataset, tmp_path / "run")
    assert weights.stat().st_mtime_ns == written
