"""`finback train calls`, and samples of its run by the commands of every generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import read
from finback.data.dataset import Dataset
from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.generator import SpectrogramGenerator
from finback.generation.synthesizer import SynthesisConfig
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def run(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calls") / "run"
    plan = Plan("calls", resolve(tiny, ["model.windows=1"], "calls"), device="cpu")
    return train_generator(plan, tiny_dataset, out).path


def test_a_run_makes_waves_and_their_logmels(run: Path) -> None:
    generator = SpectrogramGenerator.load(run, "cpu")
    waves = generator.sample_waves([0, 1, 0], [4, 4, 4])
    assert waves.shape == (3, 60 * 128)
    np.testing.assert_array_equal(waves[0], waves[2])
    assert not np.array_equal(waves[0], waves[1])
    assert generator.sample([0], [4]).shape == (1, 32, 60)
    assert len(generator.sample_waves([], [])) == 0


def test_a_folder_of_samples_holds_the_waves_of_the_generator(run: Path, tmp_path: Path) -> None:
    config = SynthesisConfig(str(run), device="cpu")
    report = generate_clips(config, SampleRequest(n=2), tmp_path / "out")
    generator = SpectrogramGenerator.load(run, "cpu")
    name, files = next(iter(report.files.items()))
    wave = generator.sample_waves([generator.labels.index(name)], [0])[0]
    assert np.abs(read(files[0]) - wave).max() <= 1 / 32768
    vocoded = SynthesisConfig(str(run), vocoder="fast-griffin-lim", device="cpu")
    other = generate_clips(vocoded, SampleRequest((name,), n=1), tmp_path / "vocoded")
    assert np.abs(read(other.files[name][0]) - wave).max() > 0.01
