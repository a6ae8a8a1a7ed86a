"""Log-mels to waves: length, level, and that the wave's own log-mel is the one asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.settings import build, load_preset
from finback.evaluation.vocoder_test_sounds import TONES, measure_test_sounds
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.generation.vocoders import inversion as invert
from finback.generation.vocoders.inversion import GriffinLim, inverter, to_waves
from finback.metrics.tones_and_clicks import modulation_depth
from finback.metrics.waveforms import mel_correlation, mel_l1
from finback.training.settings import Settings

SPECS = {n: build(Settings, load_preset(n)).features for n in ("watkins", "right-whale", "ultrasonic")}


def logmels(spec: FeatureSpec, n: int = 2) -> torch.Tensor:
    """(n, 1, M, F) of a rising tone in pink noise, at low levels."""
    rng = np.random.default_rng(7)
    t = np.arange(spec.clip_samples) / spec.sample_rate
    length = spec.clip_samples / spec.sample_rate
    waves = []
    for i in range(n):
        hz = spec.sample_rate * (0.15 + 0.05 * i + 0.1 * t / length)
        noise = np.fft.irfft(np.fft.rfft(rng.normal(size=len(t))) / np.sqrt(1 + np.arange(len(t) // 2 + 1)))
        waves.append(0.05 * np.sin(2 * np.pi * np.cumsum(hz) / spec.sample_rate) + noise[: len(t)])
    return LogMel(spec)(torch.from_numpy(np.stack(waves)).float())


@pytest.mark.parametrize(
    ("how", "correlation"), [("griffin-lim", 0.94), ("fast-griffin-lim", 0.97), ("components", 0.95)]
)
@pytest.mark.parametrize("name", SPECS)
def test_the_wave_has_the_log_mel_that_was_asked_for(name: str, how: str, correlation: float) -> None:
    spec = SPECS[name]
    asked = logmels(spec)
    waves = inverter(how, spec)(asked)
    assert waves.shape == (2, spec.covered_samples)
    made = LogMel(spec)(waves)
    assert mel_correlation(asked[:, 0].numpy(), made[:, 0].numpy()).min() > correlation
    assert mel_l1(asked[:, 0].numpy(), made[:, 0].numpy()).max() < 1.5
    # The very ends too: that is why a wave has F hops.
    assert (asked - made)[..., -1].abs().mean() < 3
    assert (made.mean() - asked.mean()).abs() < 0.5


@pytest.mark.real
def test_the_wave_of_a_real_clip_has_its_log_mel(watkins) -> None:
    from finback.audio.io import open_recording
    from finback.core.types import Clip
    from finback.features.extract import Extractor

    spec = SPECS["watkins"]
    found = []
    for path in sorted((watkins / "audio").iterdir())[::75]:
        recording = open_recording(path)
        found.append(Extractor(spec)(Clip(recording, 0, recording.n_samples))[0])
    asked = np.stack(found)
    waves = to_waves(asked, inverter("fast-griffin-lim", spec))
    with torch.inference_mode():
        made = LogMel(spec)(torch.from_numpy(waves))[:, 0].numpy()
    assert mel_correlation(asked, made).min() > 0.98
    assert np.abs(waves).max() <= 0.99


def test_band_rounds_bring_the_bands_nearer(monkeypatch) -> None:
    spec = SPECS["watkins"]
    asked = logmels(spec)

    def error() -> float:
        return float((LogMel(spec)(GriffinLim(spec, rounds=16)(asked)) - asked).abs().mean())

    corrected = error()
    monkeypatch.setattr(invert, "BAND_ROUNDS", 0)
    assert corrected < 0.85 * error()


@pytest.mark.parametrize("name", SPECS)
def test_components_keep_tones_steady_and_clicks_short_in_every_preset(name: str) -> None:
    spec = SPECS[name]
    found, plain = (measure_test_sounds(inverter(how, spec), spec) for how in ("components", "griffin-lim"))
    hz = TONES[1] * (spec.top_hz - spec.f_min) + spec.f_min
    tone = 0.3 * np.sin(2 * np.pi * hz * np.arange(spec.clip_samples) / spec.sample_rate)
    x = LogMel(spec)(torch.from_numpy(tone[None].astype(np.float32)))
    assert modulation_depth(inverter("components", spec)(x).numpy())[0] < 0.05
    assert found["tone_modulation"] < 0.5 * plain["tone_modulation"]
    assert found["whistle_modulation"] < 0.05
    assert found["click_width_ms"] < 0.5 * plain["click_width_ms"]
    assert found["click_pre_echo"] < 0.1
    assert found["train_share"] > 0.9
    assert found["noise_kurtosis"] == pytest.approx(3, abs=0.2)


def test_a_wave_does_not_depend_on_its_batch() -> None:
    spec = SPECS["right-whale"]
    asked = torch.cat([logmels(spec, 3), logmels(spec, 2) - 40])
    how = inverter("fast-griffin-lim", spec, rounds=8)
    assert torch.equal(how(asked), torch.cat([how(a[None]) for a in asked]))


def test_many_are_made_in_batches_and_none_clips() -> None:
    spec = SPECS["right-whale"]
    asked = logmels(spec, 2)[:, 0].numpy()
    many = np.concatenate([asked] * 9)
    many[3] += 60  # far too loud
    waves = to_waves(many, inverter("griffin-lim", spec, rounds=2))
    assert waves.shape == (18, spec.covered_samples)
    assert np.abs(waves).max() == pytest.approx(0.99, abs=1e-5)
    assert np.array_equal(waves[0], waves[2])


def test_other_shapes_and_pcen_are_refused() -> None:
    spec = SPECS["watkins"]
    how = inverter("griffin-lim", spec)
    for shape in ((1, 1, 64, 112), (1, 1, 96, 111), (1, 96, 112)):
        with pytest.raises(SpecMismatchError, match="96, 112"):
            how(torch.zeros(shape))
    with pytest.raises(SettingsError, match="pcen"):
        inverter("griffin-lim", FeatureSpec(scale="pcen"))
    with pytest.raises(SettingsError, match="griffin-lim, fast-griffin-lim"):
        inverter("waveglow", spec)
    with pytest.raises(SettingsError, match="rounds"):
        inverter("griffin-lim", spec, rounds=0)
