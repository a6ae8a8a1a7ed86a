"""Training a generator or vocoder into a run folder: what it is trained on, what it refuses, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finback.core.errors import RunError, SettingsError
from finback.core.runs.files import CHECKPOINT
from finback.core.types import Clip, Recording
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.models.load import load_model
from finback.models.networks.denoiser import PatchDenoiser
from finback.training.generative_settings import DiffusionSettings
from finback.training.generator import hold_out, train_generator
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve

SMALL = (
    "features.n_mels=16",
    "features.n_frames=16",
    "training.epochs=2",
    "training.batch_size=8",
    "model.diffusion.width=16",
    "model.diffusion.depth=1",
    "model.diffusion.frame_width=48",
    "model.diffusion.frame_depth=1",
)


def small(*more: str, family: str = "diffusion") -> Settings:
    return resolve("watkins", [*SMALL, *more], family)


def clips(counts: dict[tuple[str, str], int]) -> list[Clip]:
    """`{(species, tape): clips}` as clips that are never read."""
    made = []
    for (species, tape), n in counts.items():
        for i in range(n):
            recording = Recording(f"{species}{tape}{i}", Path(f"{i}.wav"), 22_050, 22_050, group=tape)
            made.append(Clip(recording, 0, 22_050, species))
    return made


def test_a_tenth_is_held_out_of_tapes_that_stay() -> None:
    mine = clips({("a", "1"): 20, ("a", "2"): 1, ("b", "3"): 10, ("c", "4"): 1})
    trained_on, held = hold_out(mine, 0.1, seed=0)
    assert sorted(c.label or "" for c in held) == ["a", "a", "b"]
    assert len(trained_on) + len(held) == len(mine)
    assert {c.group for c in held} <= {c.group for c in trained_on}
    assert hold_out(mine, 0.1, seed=0) == (trained_on, held)


def test_never_the_last_clip_of_a_tape() -> None:
    mine = clips({("a", str(tape)): 1 for tape in range(20)})
    assert hold_out(mine, 0.5, seed=0)[1] == ()


def test_trains_keeps_sides_and_makes_samples(tiny_dataset: Dataset, tmp_path: Path) -> None:
    run = train_generator(Plan("diffusion", small(), seed=3, device="cpu"), tiny_dataset, tmp_path / "run")
    assert run.info.kind == "generator"
    assert run.is_trained
    assert run.info.finished
    parts = run_subsets(run)
    every = [c.key for side in parts.values() for c in side]
    assert len(every) == len(set(every))
    assert not {c.group for c in parts["train"]} & {c.group for c in (*parts["validation"], *parts["test"])}
    generator = SpectrogramGenerator.load(tmp_path / "run", "cpu")
    made = generator.sample([0, 1], [5, 6], Sampling(steps=3))
    assert made.shape == (2, 16, 16)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert made.max() - made.min() <= 80.0 + 40.0


def test_same_seed_same_sample_whatever_the_batch(tiny_dataset: Dataset, tmp_path: Path) -> None:
    train_generator(Plan("diffusion", small(), device="cpu"), tiny_dataset, tmp_path / "run")
    generator = SpectrogramGenerator.load(tmp_path / "run", "cpu")
    for sampler in ("heun", "ancestral"):
        how = Sampling(sampler=sampler, steps=4, guidance=2.0)
        together = generator.sample([0, 1, 0], [1, 2, 3], how)
        alone = generator.sample([0], [3], how)
        np.testing.assert_allclose(together[2], alone[0], atol=0.05)  # dB: four steps amplify rounding
        assert np.abs(together[0] - together[2]).max() > 1.0


def test_resumed_is_as_never_stopped(tiny_dataset: Dataset, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stopping(items, what, total=None):  # type: ignore[no-untyped-def]
        for i, item in enumerate(items):
            if what == "training" and i == 3:
                raise Stopped
            yield item

    plan = Plan("diffusion", small("training.checkpoint_s=0"), device="cpu")
    whole = train_generator(plan, tiny_dataset, tmp_path / "whole")
    with pytest.raises(Stopped):
        train_generator(plan, tiny_dataset, tmp_path / "parts", stopping)
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    parts = train_generator(plan, tiny_dataset, tmp_path / "parts")
    one, other = (load_model(r.path, "generator", "cpu").network.state_dict() for r in (whole, parts))
    assert all(torch.equal(one[k], other[k]) for k in one)
    assert not (tmp_path / "parts" / CHECKPOINT).exists()  # nothing to go on with


def test_a_diffusion_model_that_an_older_version_began_ends_as_it_began(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stopping(items, what, total=None):  # type: ignore[no-untyped-def]
        for i, item in enumerate(items):
            if what == "training" and i == 2:
                raise Stopped
            yield item

    short = [text for text in SMALL if not text.startswith("model.")]
    today = resolve("watkins", [*short, "training.checkpoint_s=0"], "diffusion")
    old = today.model_copy(update={"model": {}, "diffusion": DiffusionSettings()})  # it knew no start
    with pytest.raises(Stopped):
        train_generator(Plan("diffusion", old, device="cpu"), tiny_dataset, tmp_path / "run", stopping)
    run = train_generator(Plan("diffusion", today, device="cpu"), tiny_dataset, tmp_path / "run")
    assert run.info.finished
    assert run.info.settings["diffusion"]["sigma_mean"] == -0.4
    assert isinstance(load_model(run.path, "generator", "cpu").network, PatchDenoiser)


def test_folds_and_prototypes_are_refused_by_name(tiny_dataset: Dataset, tmp_path: Path) -> None:
    folds = small("split.folds=2")
    with pytest.raises(SettingsError, match="--folds 2 with diffusion"):
        train_generator(Plan("diffusion", folds, device="cpu"), tiny_dataset, tmp_path / "run")
    taken = small("rare.how=prototype")
    with pytest.raises(SettingsError, match="only classifiers know prototypes"):
        train_generator(Plan("diffusion", taken, device="cpu"), tiny_dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_run_in_the_folder_is_refused(tiny_dataset: Dataset, tmp_path: Path) -> None:
    plan = Plan("diffusion", small(), device="cpu")
    train_generator(plan, tiny_dataset, tmp_path / "run")
    with pytest.raises(RunError, match="holds another run"):
        train_generator(replace(plan, seed=1), tiny_dataset, tmp_path / "run")
    with pytest.raises(RunError, match="a generator, not a vocoder"):
        load_model(tmp_path / "run", "vocoder")
