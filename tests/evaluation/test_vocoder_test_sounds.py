"""The test sounds of a vocoder: in the band of each spec, and what a perfect vocoder scores."""

from __future__ import annotations

import numpy as np
import pytest

from finback.evaluation import vocoder_test_sounds as made
from finback.evaluation.vocoder_test_sounds import TEST_MEASURES, measure_test_sounds
from finback.features.spec import FeatureSpec
from finback.training.settings import resolve

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=64, n_mels=32, n_frames=120)


def test_a_vocoder_that_gives_the_sounds_themselves_is_perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    sounds: list[np.ndarray] = []
    monkeypatch.setattr(made, "logmel_of", lambda waves, spec, n_frames: sounds.append(waves) or waves)
    monkeypatch.setattr(made, "to_waves", lambda logmels, invert: sounds[-1])
    found = measure_test_sounds(lambda x: x, SPEC)
    assert set(found) == set(TEST_MEASURES)
    assert found["tone_modulation"] < 0.01
    assert found["tone_jitter_hz"] < 1
    assert found["whistle_modulation"] < 0.01
    assert found["click_width_ms"] < 1
    assert found["click_pre_echo"] == 0
    assert found["train_share"] > 0.97
    assert found["pulsed_share"] > 0.97
    assert found["noise_kurtosis"] == pytest.approx(3, abs=0.2)
    assert found["noise_deviation"] == pytest.approx(0.52, abs=0.05)


@pytest.mark.parametrize("preset", ["watkins", "right-whale", "ultrasonic"])
def test_the_sounds_lie_in_the_band_of_the_spec(preset: str) -> None:
    spec = resolve(preset).features
    for waves in (made.tones(spec), made.whistle(spec)[0]):
        power = np.abs(np.fft.rfft(waves * np.hanning(waves.shape[1]), axis=1)) ** 2
        hz = np.fft.rfftfreq(waves.shape[1], 1 / spec.sample_rate)
        inside = (hz >= spec.f_min) & (hz <= spec.top_hz)
        assert (power[:, inside].sum(axis=1) / power.sum(axis=1)).min() > 0.99
    clicks, onsets = made.clicks(spec)
    assert clicks.shape == (len(onsets), spec.covered_samples)


def test_five_kilohertz_and_a_millisecond_are_among_them() -> None:
    tones = made.tones(FeatureSpec())
    hz = np.abs(np.fft.rfft(tones, axis=1)).argmax(axis=1) * 22_050 / tones.shape[1]
    assert np.abs(hz - 5000).min() < 1
    click, onsets = made.clicks(FeatureSpec())
    sounding = np.flatnonzero(click[0])
    assert (sounding[-1] - sounding[0]) / 22.05 == pytest.approx(1, abs=0.2)
    assert sounding[0] >= onsets[0]
