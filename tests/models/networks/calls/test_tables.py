"""Scenes as tensors and back, and the model that holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from finback import models
from finback.features.spec import FeatureSpec
from finback.models.networks.calls.analysis import analyse
from finback.models.networks.calls.grid import Grid
from finback.models.networks.calls.oscillators import tone
from finback.models.networks.calls.sounds import Contour, Scene
from finback.models.networks.calls.tables import packed, unpacked
from finback.models.weights import load_weights, save_tensors

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=48)
GRID = Grid.of(SPEC)


def scene(seed: int, species: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    x = 0.001 * rng.standard_normal(SPEC.covered_samples)
    c = Contour(0, np.linspace(500, 700 + 50 * seed, 40), np.full(40, -20.0))
    x += tone(c, GRID, len(x), 20 * GRID.hop, 0.0)
    x[2600:2604] += 0.2
    return analyse(x, GRID, species, tape=seed)


def test_scenes_come_back_within_half_a_step() -> None:
    scenes = [scene(1), scene(2, species=1)]
    back = unpacked(packed(scenes, GRID), GRID)
    assert [(s.species, s.tape, s.gaps) for s in back] == [(s.species, s.tape, s.gaps) for s in scenes]
    for old, new in zip(scenes, back, strict=True):
        assert np.abs(old.floor_db - new.floor_db).max() <= 0.25
        assert len(old.calls) == len(new.calls) > 0
        for a, b in zip(old.calls, new.calls, strict=True):
            assert a.n_frames == b.n_frames
            assert [len(c) for c in a.contours] == [len(c) for c in b.contours]
            for c, d in zip(a.contours, b.contours, strict=True):
                np.testing.assert_allclose(c.frequency_hz, d.frequency_hz, rtol=1e-5)
            np.testing.assert_allclose(a.pulses.time_s, b.pulses.time_s, rtol=1e-5)
            loud = a.noise_db > old.band_floor_db[:, None]
            assert np.abs(a.noise_db - b.noise_db)[loud].max(initial=0) <= 0.51


def test_a_model_of_any_size_comes_back_from_its_file(tmp_path: Path) -> None:
    model = models.create("calls", SPEC, 2)
    model.keep([scene(1), scene(2, species=1)])
    save_tensors(tmp_path / "w.safetensors", model.state_dict(), {})
    other = models.create("calls", SPEC, 2)
    assert other.scenes == {}
    load_weights(other, tmp_path / "w.safetensors")
    assert set(other.scenes) == {0, 1}
    assert other.n_parameters == model.n_parameters > 1000
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
