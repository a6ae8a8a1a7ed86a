"""The steps of a sample: the last one is the sample of `generate`, and noise decreases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import finback
from finback.core.errors import InputError, SettingsError
from finback.core.progress import no_progress
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.models.pretrained import resolve


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> object:
    out = tmp_path_factory.mktemp("steps")
    return finback.sampling_steps("watkins-diffusion", "killer whale", out, 3, "cpu", no_progress, steps=6)


def test_the_steps_end_with_the_sample_of_this_seed(steps) -> None:
    generator = SpectrogramGenerator.load(resolve("watkins-diffusion", "generator"), "cpu")
    sample = generator.sample([generator.labels.index("Killer Whale")], [3], Sampling(steps=6))[0]
    np.testing.assert_allclose(steps.sample, sample, atol=0.01)
    np.testing.assert_array_equal(steps.noisy[-1], steps.sample)


def test_the_spectrogram_comes_out_of_noise(steps) -> None:
    assert list(steps.sigmas) == sorted(steps.sigmas, reverse=True)
    assert steps.sigmas[-1] == 0
    assert steps.noisy.shape == steps.expected.shape == (7, *steps.sample.shape)
    alike = [np.corrcoef(x.ravel(), steps.sample.ravel())[0, 1] for x in steps.noisy]
    assert alike[0] < 0.8 < alike[-2]
    assert alike == sorted(alike)


def test_the_pictures_move_and_a_notebook_shows_them(steps) -> None:
    with Image.open(steps.film) as film:
        assert film.n_frames == 7
    assert steps.strip.stat().st_size > 10_000
    assert steps._repr_html_().count("data:image/gif;base64") == 1
    assert "Killer Whale" in repr(steps)


def test_a_wrong_species_and_a_generator_without_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="killr"):
        finback.sampling_steps("watkins-diffusion", "killr", tmp_path)
    with pytest.raises(SettingsError, match="the steps of a sample by calls"):
        finback.sampling_steps("watkins", "Killer Whale", tmp_path)
