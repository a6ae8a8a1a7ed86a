"""Training the VAE: the bound by hand, batches that change clips, and the real recipe on simulated tapes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from finback.core.types import Clip, Labels, Recording
from finback.data.dataset import Dataset
from finback.generation.generator import SpectrogramGenerator
from finback.training.generative_settings import VaeSettings
from finback.training.generator import train_generator
from finback.training.loop_settings import TrainingSettings
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve
from finback.training.tasks.vae import VaeTask, kl_divergence

SMALL = ("model.latent=6", "model.width=4", "training.epochs=3")


class Pictures:
    """Inputs and store in one: clips whose windows are made up."""

    def __init__(self, clips: list[Clip], settings: Settings) -> None:
        rng = np.random.default_rng(0)
        self.clips, self.store = clips, self.window
        shape = (settings.features.n_mels, settings.features.n_frames)
        self.made = {c.key: rng.normal(-60, 8, (1, *shape)).astype(np.float32) for c in clips}

    def window(self, clip: Clip) -> np.ndarray:
        return self.made[clip.key]

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([self.window(self.clips[i]) for i in drawn]))


def task(tiny: str, **own: float) -> VaeTask:
    from finback import models

    settings = resolve(tiny, SMALL, "vae")
    clips = [Clip(Recording(f"{i}", Path("x"), 8000, 8000), 0, 8000, "ab"[i % 2]) for i in range(12)]
    inputs = Pictures(clips, settings)
    model = models.create("vae", settings.features, 2, **settings.model)
    training = TrainingSettings(batch_size=4)
    return VaeTask(model, inputs, Labels(("a", "b")), training, VaeSettings(**own), clips[:3])


def test_divergence_by_hand() -> None:
    found = kl_divergence(torch.tensor([[0.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, math.log(4.0)]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 2.0, 0.5 * (4 - 1 - math.log(4.0))]]))


def test_the_bound_is_as_told(tiny: str) -> None:
    """Batches draw from their own generator alone, and the losses are the formula's."""
    made = task(tiny, kl_weight=2.0, free_bits=2.0)
    batch = made.batch(np.random.default_rng(3))
    again = made.batch(np.random.default_rng(3))
    assert all(torch.equal(one, two) for one, two in zip(batch, again, strict=True))
    losses = made.losses(made.model, batch)
    x = made.model.scale.to_units(batch[0])
    painted, mean, log_variance = made.model(x, *batch[1:])
    divergence = kl_divergence(mean, log_variance).mean(dim=0)
    assert (divergence < 2.0).any()
    expected = 2.0 * torch.where(divergence < 2.0, torch.tensor(2.0), divergence).sum() / (32 * 60)
    torch.testing.assert_close(losses["kl"], expected)
    torch.testing.assert_close(losses["reconstruction"], 0.5 * (painted - x).square().mean().log())


def test_pictures_are_changed_only_as_asked(tiny: str) -> None:
    none = {"roll": 0, "shift_bands": 0, "eq_db": 0, "noise": 0}
    for own, changed in ((none, False), ({**none, "roll": 1}, True), ({**none, "eq_db": 6}, True)):
        made = task(tiny, **own)
        x, y, _ = made.batch(np.random.default_rng(1))
        known = torch.from_numpy(np.stack([w[0] for w in made.inputs.made.values()]))
        same = torch.stack([(known - one).abs().amax(dim=(1, 2)).min() < 1e-3 for one in x])
        assert bool(same.all()) != changed
        assert y.shape == (4,)


def test_what_is_kept_draws_from_where_clips_lie(tiny: str) -> None:
    made = task(tiny)
    before = made.model.gaussians.factors.clone()
    kept = made.kept(made.model)
    assert not torch.allclose(kept.gaussians.factors, before)


def test_the_log_has_figures_of_other_tapes(tiny: str) -> None:
    figures = task(tiny).validate(task(tiny).model.eval())
    assert set(figures) == {"val_mse_db2", "val_kl", "val_active"}
    assert figures["val_mse_db2"] > 0


def test_the_real_recipe(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    """Trains, logs a falling loss, uses its latents, and makes samples that tell species apart."""
    from finback.core.runs.files import LOG
    from finback.models.weights import load_tensors

    settings = resolve(tiny, [*SMALL, "training.epochs=6"], "vae")
    run = train_generator(Plan("vae", settings, device="cpu"), tiny_dataset, tmp_path / "run")
    lines = (tmp_path / "run" / LOG).read_text().splitlines()
    first, last = (json.loads(lines[i]) for i in (0, -1))
    assert last["reconstruction"] < first["reconstruction"]
    assert last["val_active"] >= 4
    tensors, _ = load_tensors(run.path / "weights.safetensors")
    assert not torch.equal(tensors["gaussians.centres"][0], tensors["gaussians.centres"][1])
    made = SpectrogramGenerator.load(tmp_path / "run", "cpu").sample([0, 1, 0], [4, 4, 4])
    np.testing.assert_allclose(made[0], made[2], atol=1e-3)
    assert np.abs(made[0] - made[1]).max() > 1.0


def test_gaussian_by_the_same_command(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    settings = resolve(tiny, ["model.n_components=5"], "gaussian")
    train_generator(Plan("gaussian", settings, device="cpu"), tiny_dataset, tmp_path / "run")
    made = SpectrogramGenerator.load(tmp_path / "run", "cpu").sample([0, 1], [4, 4])
    assert made.shape == (2, 32, 60)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("key", ["vae.kl_weight=-1", "vae.free_bits=-1", "vae.roll=2", "vae.noise=2"])
def test_settings_out_of_range_are_named(key: str) -> None:
    from finback.core.errors import SettingsError

    with pytest.raises(SettingsError, match=key.partition("=")[0]):
        resolve("watkins", [key], "vae")
