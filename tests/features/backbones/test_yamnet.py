"""YAMNet: the network that it says it is, on sounds whose answers are known; inner layers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from finback.audio.io import open_recording
from finback.core.errors import RunError, SettingsError
from finback.core.types import Clip
from finback.features.backbones import yamnet
from finback.features.backbones.yamnet import LAYERS, Yamnet, moments
from finback.features.backbones.yamnet.network import (
    FRAME,
    HOP,
    N_CLASSES,
    PATCH,
    SAMPLE_RATE,
    LogMel,
    Network,
    mel_bands,
)
from finback.features.extract import Extractor
from finback.features.frontends import backbone
from finback.features.spec import FeatureSpec
from finback.training.settings import resolve

# Numbers of the 521 classes.
SILENCE, WHITE_NOISE, SINE_WAVE, WHALE = 494, 514, 495, 131


@torch.inference_mode()
def scores(wave: np.ndarray) -> np.ndarray:
    """(P, 521) scores of patches of 0.96 s every 0.48 s, as the authors compute them."""
    weights = yamnet._bundled()
    network = Network()
    network.load_state_dict(yamnet.weights_of(network))
    picture = LogMel()(torch.from_numpy(wave.astype(np.float32)[None]))[0, 0]
    vectors = network(picture.unfold(0, PATCH, PATCH // 2).transpose(1, 2)[:, None]).mean(dim=(2, 3))
    logits = vectors @ weights["classes.weight"].T + weights["classes.bias"]
    assert logits.shape[1] == N_CLASSES
    return logits.sigmoid().numpy()


def ranks(wave: np.ndarray) -> dict[int, int]:
    order = np.argsort(-scores(wave).mean(axis=0))
    return {int(k): place for place, k in enumerate(order)}


T = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE


def test_sounds_that_the_authors_test_with() -> None:
    assert scores(np.zeros(len(T)))[:, SILENCE].min() > 0.99
    assert ranks(np.random.default_rng(0).uniform(-1, 1, len(T)))[WHITE_NOISE] == 0
    assert ranks(np.sin(2 * np.pi * 440 * T))[SINE_WAVE] < 10


@pytest.mark.real
def test_it_names_a_humpback_whale(real_data: Path) -> None:
    """In the whole recording 0.54 in single precision, by `benchmarks/yamnet_weights.py`."""
    recording = open_recording(real_data / "recordings" / "glacier-bay-humpback.ogg")
    spec = FeatureSpec(sample_rate=SAMPLE_RATE, clip_samples=2 * SAMPLE_RATE, f_max=8000.0)
    start = round(8.16 * recording.sample_rate)
    wave = Extractor(spec, "wave")(Clip(recording, start, start + 2 * recording.sample_rate))[0]
    assert scores(wave)[:, WHALE].max() > 0.5


def test_the_spectrogram_by_hand() -> None:
    """A full-scale sine at the centre of a bin: its magnitude, by the weight of each band."""
    k = 40  # 1,250 Hz
    wave = np.sin(2 * np.pi * k * SAMPLE_RATE / 512 * T).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)  # periodic
    magnitude = np.abs(np.fft.rfft(wave[:FRAME] * window, 512))
    found = LogMel()(torch.from_numpy(wave[None]))[0, 0].numpy()
    assert found.shape == (1 + (len(T) - FRAME) // HOP, 64)
    assert np.allclose(found[0], np.log(magnitude @ mel_bands() + 1e-3), atol=0.02)
    mel, low, high = (1127 * np.log(1 + f / 700) for f in (1250, 125, 7500))
    assert found[0].argmax() == round((mel - low) / (high - low) * 65) - 1  # the centre of band i is i + 1


def test_the_vector_is_mean_and_deviation_of_inner_blocks() -> None:
    spec = resolve(family="yamnet").features
    found = backbone("yamnet", spec)
    wave = np.random.default_rng(1).normal(0, 0.1, spec.clip_samples).astype(np.float32)
    vector = found.vectors(wave[None])[0]
    assert isinstance(found, Yamnet)
    assert vector.shape == (found.n_features,)
    with torch.inference_mode():
        h = found.spectrogram(torch.from_numpy(wave[None]))
        outputs = found.network.outputs(h, LAYERS)
        assert torch.equal(found.network(h), outputs[-1])
        assert [tuple(o.shape[1:]) for o in outputs] == [(512, 19, 4)] * 3
    expected = [f(o[0].numpy(), axis=(1, 2)) for o in outputs for f in (np.mean, np.std)]
    assert np.allclose(vector, np.log(np.concatenate(expected) + 0.1), atol=1e-4)


def test_zeros_go_around_a_picture_as_in_tensorflow() -> None:
    """At a stride of 2, the first filter begins at the first value of an even axis, and before an odd one."""
    network = Network(1).eval()
    with torch.no_grad():
        network.stem.weight.zero_()
        network.stem.bias.zero_()
        network.stem.weight[:, 0, 0, 0] = 1.0  # the upper left value under the filter
        network.blocks[0].depthwise.weight.zero_()
        network.blocks[0].depthwise.weight[:, 0, 1, 1] = 1.0
        for layer in (network.blocks[0].depthwise, network.blocks[0].pointwise):
            layer.bias.zero_()  # type: ignore[union-attr]
        network.blocks[0].pointwise.weight.fill_(1 / 32)
        even, odd = (1 + torch.arange(n * n).float().reshape(1, 1, n, n) for n in (4, 5))
        assert torch.allclose(network(even)[0, 0], even[0, 0, ::2, ::2])
        assert torch.allclose(network(odd)[0, 0, 1:, 1:], odd[0, 0, 1::2, 1::2])
        assert not network(odd)[0, 0, 0].any()


def test_mean_and_deviation_of_channels() -> None:
    h = torch.tensor([[[[1.0, 3.0]], [[2.0, 2.0]]]])  # (1, 2, 1, 2)
    assert torch.allclose(moments(h), torch.tensor([[2.1, 2.1, 1.1, 0.1]]).log())


def test_sound_at_twice_the_rate_has_the_same_spectrogram() -> None:
    t = np.arange(4 * SAMPLE_RATE) / (2 * SAMPLE_RATE)
    twice = torch.from_numpy(np.sin(2 * np.pi * 1250 * t).astype(np.float32))[None]
    once, found = LogMel()(twice[:, ::2]), LogMel(2)(twice)
    assert found.shape == once.shape
    loud = once > once.max() - 6
    assert torch.allclose(found[loud], once[loud], atol=0.02)


@pytest.mark.parametrize("changes", [{"sample_rate": 22_050}, {"clip_samples": 879}])
def test_another_rate_or_a_short_window_is_refused(changes: dict[str, int]) -> None:
    spec = resolve(family="yamnet").features
    with pytest.raises(SettingsError, match=r"features\.sample_rate = 16000"):
        backbone("yamnet", spec.model_copy(update=changes))
    assert backbone("yamnet", spec.model_copy(update={"clip_samples": 880})).n_features == 3072


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamnet, "SHA256", "0" * 64)
    yamnet._bundled.cache_clear()
    with pytest.raises(RunError, match=r"weights\.safetensors: damaged.*install finback again"):
        backbone("yamnet", resolve(family="yamnet").features)


@torch.inference_mode()
def test_no_bit_depends_on_the_number_of_threads_or_of_windows() -> None:
    found = backbone("yamnet", resolve(family="yamnet").features.model_copy(update={"playback": (1.0,)}))
    waves = np.random.default_rng(2).normal(0, 0.1, (8, 48_000)).astype(np.float32)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = np.concatenate([found.vectors(wave[None]) for wave in waves])
        torch.set_num_threads(2)
        assert np.array_equal(found.vectors(waves), alone)
    finally:
        torch.set_num_threads(before)
