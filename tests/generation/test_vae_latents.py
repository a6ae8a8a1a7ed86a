"""The latent space of a trained VAE, its reconstructions of unseen groups, and its two commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import RunError, SettingsError
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.reconstruction import Reconstruction, reconstruct, windows_with_waves, with_phases_of
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.features.logmel import LogMel
from finback.generation.vae_latents import LatentSpace, levels, save_interpolation
from finback.metrics.reconstruction import snr_db
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def run(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = resolve(tiny, ["model.latent=6", "model.width=4", "training.epochs=4"], "vae")
    out = tmp_path_factory.mktemp("latent") / "run"
    train_generator(Plan("vae", settings, device="cpu"), tiny_dataset, out)
    return out


@pytest.fixture(scope="module")
def space(run: Path) -> LatentSpace:
    return LatentSpace.load(run, "cpu")


@pytest.fixture(scope="module")
def found(space: LatentSpace) -> Reconstruction:
    return reconstruct(space, "test")


@pytest.fixture(scope="module")
def logmels(space: LatentSpace) -> np.ndarray:
    store = FeatureStore(Extractor(space.spec))
    return np.concatenate([store(clip) for clip in run_subsets(space.run)["train"]])


def test_encode_and_reconstruct(space: LatentSpace, logmels: np.ndarray) -> None:
    y = np.zeros(len(logmels), dtype=int)
    again = space.reconstruct(logmels, y)
    assert again.shape == logmels.shape
    assert space.encode(logmels).shape == (len(logmels), 6)
    np.testing.assert_allclose(levels(again), levels(logmels), atol=1e-2)
    steady = np.square(logmels - logmels.mean(axis=0)).mean()
    assert np.square(again - logmels).mean() < 0.8 * steady
    np.testing.assert_allclose(space.reconstruct(logmels[3:4], y[:1]), again[3:4], atol=1e-2)


def test_latents_are_used(space: LatentSpace, logmels: np.ndarray) -> None:
    assert space.active(logmels) >= 4
    assert space.active(np.repeat(logmels[:1], 3, axis=0)) == 0


def test_samples_by_seed(space: LatentSpace) -> None:
    one, two, again = space.sample([1, 1, 1], [0, 1, 0])
    np.testing.assert_allclose(one, again, atol=1e-3)
    assert np.abs(one - two).max() > 0.1
    usual = float(space.model.scale.levels[1, 0])
    np.testing.assert_allclose(levels(one[None]), usual, atol=3.0)


def test_the_way_between_two_species(space: LatentSpace) -> None:
    a, b = (space.endpoint(name) for name in space.labels.names[:2])
    way = space.interpolate(a, b, 5)
    assert way.shape == (5, space.spec.n_mels, space.spec.n_frames)
    np.testing.assert_allclose(way[::-1], space.interpolate(b, a, 5), atol=1e-2)
    steps = np.abs(np.diff(way, axis=0)).mean(axis=(1, 2))
    assert steps.max() < 3 * steps.min() + 1e-3, "even steps"
    with pytest.raises(SettingsError, match="steps"):
        space.interpolate(a, b, 1)


def test_ends_are_clips_or_species(space: LatentSpace, tmp_path: Path) -> None:
    clip = run_subsets(space.run)["train"][0]
    end = space.endpoint(str(clip.recording.path))
    assert end.species == clip.label
    logmel = Extractor(space.spec)(clip)[:1]
    np.testing.assert_allclose(end.latent, space.encode(logmel)[0], atol=1e-5)
    # The way begins at the clip's own reconstruction.
    way = space.interpolate(end, space.endpoint(space.labels.names[0]), 3)
    y = np.array([space.labels.index(end.species)])
    np.testing.assert_allclose(way[0], space.reconstruct(logmel, y)[0], atol=1e-2)
    with pytest.raises(SettingsError, match="Unicorn"):
        space.endpoint("Unicorn")


def test_a_strange_file_is_of_the_likeliest_species(space: LatentSpace, tmp_path: Path) -> None:
    from finback.audio.io import read, write

    clip = run_subsets(space.run)["train"][0]
    wave = read(clip.recording.path, 0, clip.recording.n_samples)
    write(tmp_path / "stranger.wav", wave * 0.5, clip.recording.sample_rate)
    end = space.endpoint(str(tmp_path / "stranger.wav"))
    with torch.no_grad():
        densities = space.model.gaussians.log_prob(torch.from_numpy(end.latent)[None])
    assert end.species == space.labels.names[int(densities.argmax())]


def test_windows_are_those_of_the_store(space: LatentSpace) -> None:
    clips = run_subsets(space.run)["test"]
    found, waves, background, y = windows_with_waves(space, clips)
    store = FeatureStore(Extractor(space.spec))
    np.testing.assert_allclose(found, np.concatenate([store(c) for c in clips]), atol=1e-4)
    assert background is None
    assert len(waves) == len(y) == len(found)


def test_waves_with_their_own_phases(space: LatentSpace) -> None:
    """A wave's own magnitude gives it back; its log-mel loses little, another's loses all."""
    rate = space.spec.sample_rate
    t = np.arange(space.spec.clip_samples) / rate
    waves = np.stack([np.sin(2 * np.pi * hz * t) for hz in (500.0, 1500.0)]).astype(np.float32)
    front = LogMel(space.spec)
    logmels = front(torch.from_numpy(waves))[:, 0].numpy()
    again = with_phases_of(waves, logmels, front)
    assert again.shape == (2, (space.spec.n_frames - 1) * space.spec.hop)
    own = waves[:, : again.shape[1]]
    assert (snr_db(own, again) > 6).all()
    assert (snr_db(own, with_phases_of(waves, logmels[::-1].copy(), front)) < 3).all()


def test_figures_of_unseen_tapes(found: Reconstruction) -> None:
    assert list(found.table) == ["original", "vae", "pca", "mean spectrum"]
    assert found.table["original"][""]["mse_db2"] == 0.0
    for method in ("vae", "pca", "mean spectrum"):
        assert found.table[method][""]["mse_db2"] > 0
        assert found.table[method][""]["snr_db"] < found.table["original"][""]["snr_db"]
        assert set(found.table[method]) == {"", *found.n_windows}
    assert found.table["vae"][""]["mse_db2"] < found.table["mean spectrum"][""]["mse_db2"]


def test_training_clips_come_back_best_by_components(space: LatentSpace) -> None:
    """On the clips they are fitted to, principal components are the best linear method by construction."""
    table = reconstruct(space, "train").table
    assert table["pca"][""]["mse_db2"] < table["mean spectrum"][""]["mse_db2"]


def test_written_figures(found: Reconstruction, tmp_path: Path) -> None:
    table, picture = found.write(tmp_path)
    values = json.loads(table.read_text())
    assert values["latents"] == 6
    assert values["methods"]["vae"]["mse_db2"] == found.table["vae"][""]["mse_db2"]
    assert set(values["methods"]["pca"]["per_species"]) == set(found.n_windows)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(found.rows) == len(found.n_windows)


def test_a_side_that_is_not_there(space: LatentSpace) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        reconstruct(space, "nowhere")


def test_another_family_is_refused(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    train_generator(
        Plan("gaussian", resolve(tiny, family="gaussian"), device="cpu"), tiny_dataset, tmp_path / "g"
    )
    with pytest.raises(RunError, match="no latent space"):
        LatentSpace.load(tmp_path / "g", "cpu")


def test_the_figure_needs_a_name_of_a_figure(space: LatentSpace, tmp_path: Path) -> None:
    ends = space.endpoint(space.labels.names[0]), space.endpoint(space.labels.names[1])
    (path,) = save_interpolation(space, ends, 3, tmp_path / "way.svg")
    assert path.read_text().startswith("<?xml")
    with pytest.raises(SettingsError, match=r"\.png, \.svg, \.pdf"):
        save_interpolation(space, ends, 3, tmp_path / "way.mp3")


def test_commands(run: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["vae", "reconstruct", str(run), "--json", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert {"methods", "n_windows", "active_latents", "files"} <= set(values)
    shown = CliRunner().invoke(app, ["vae", "reconstruct", str(run), "--subset", "validation"])
    assert "mean over species" in shown.stdout
    assert (run / "figures" / "reconstruction.png").exists()
    names = json.loads((run / "run.json").read_text())["labels"][:2]
    result = CliRunner().invoke(app, ["vae", "interpolate", str(run), *names, "--steps", "3", "--json"])
    assert json.loads(result.stdout)["ends"][0] == {"name": names[0], "species": names[0]}
    assert (run / "figures" / "interpolation.png").exists()
    shown = CliRunner().invoke(app, ["vae", "interpolate", str(run), *names])
    assert f"{names[0]} -> {names[1]}" in shown.stdout
