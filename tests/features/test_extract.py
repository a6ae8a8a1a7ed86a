"""The extractor: no audio ignored, the same numbers wherever a window was cut, padding as the spec says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finback.audio.io import open_recording, write
from finback.core.errors import SettingsError
from finback.core.types import Clip
from finback.features.extract import Extractor, fit_length
from finback.features.spec import FeatureSpec

SMALL = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=50)


def clip_of(folder: Path, samples: np.ndarray, rate: int, name: str = "a.wav") -> Clip:
    write(folder / name, samples, rate, "FLOAT")
    recording = open_recording(folder / name)
    return Clip(recording, 0, recording.n_samples)


@given(
    n=st.integers(1, 60_000),
    rate=st.sampled_from([500, 2000, 7919, 22050]),
    kind=st.sampled_from(["logmel", "wave"]),
)
def test_windows_cover_every_sample(n: int, rate: int, kind: str) -> None:
    from finback.core.types import Recording

    clip = Clip(Recording("x", Path("x.wav"), rate, n + 10), 7, 7 + n)
    extractor = Extractor(SMALL, kind)
    covered = SMALL.clip_samples if kind == "wave" else SMALL.covered_samples
    reached = clip.start
    for window in extractor.windows(clip):
        assert clip.start <= window.start <= reached
        # What the frames of this window stand for, at the recording's own rate.
        reached = min(clip.stop, window.start + covered * rate // SMALL.sample_rate)
        assert window.stop <= reached or window.n_samples == n
    assert reached == clip.stop


def test_a_late_call_is_heard(tmp_path: Path) -> None:
    """66,150 samples have 130 frames of which 112 are kept: the rest must be in another window."""
    spec = FeatureSpec()
    wave = np.random.default_rng(0).normal(0, 1e-4, spec.clip_samples)
    wave[-3000:-1000] += np.sin(np.arange(2000) * 0.3)
    features = Extractor(spec)(clip_of(tmp_path, wave, spec.sample_rate))
    assert len(features) == 2
    assert features[1].max() > features[0].max() + 40


def test_a_window_is_the_same_from_clip_and_from_recording(tmp_path: Path) -> None:
    wave = np.random.default_rng(1).normal(0, 0.1, 44_100)
    clip = clip_of(tmp_path, wave, 4410)
    extractor = Extractor(SMALL, "wave")
    spans = extractor.windows(clip)
    assert len(spans) > 5
    whole = extractor(clip)
    alone = np.concatenate([extractor(span) for span in spans])
    assert np.array_equal(whole, alone)


def test_pieces_equal_the_whole(tmp_path: Path) -> None:
    wave = np.random.default_rng(1).normal(0, 0.1, 200_000)
    clip = clip_of(tmp_path, wave, 2000)
    extractor = Extractor(SMALL)
    pieces = list(extractor.stream(clip))
    assert len(pieces) > 2
    assert np.array_equal(np.concatenate(pieces), extractor(clip))


@pytest.mark.parametrize(("pad", "tail"), [("zero", [0, 0, 0]), ("tile", [1, 2, 3]), ("reflect", [3, 2, 1])])
def test_short_clips_are_filled_as_the_spec_says(pad: str, tail: list[int]) -> None:
    spec = FeatureSpec(sample_rate=100, clip_samples=16, n_fft=16, hop=8, n_mels=4, n_frames=3, pad=pad)
    filled = fit_length(np.array([1, 2, 3], dtype=np.float32), spec)
    assert filled.shape == (16,)
    assert filled[3:6].tolist() == tail
    assert fit_length(np.arange(20, dtype=np.float32), spec).tolist() == list(range(16))


def test_level_is_a_setting(tmp_path: Path) -> None:
    wave = np.sin(np.arange(2000) * 0.2) * 0.01
    clip = clip_of(tmp_path, wave, 2000)
    assert abs(Extractor(SMALL, "wave")(clip)).max() < 0.011
    peak = Extractor(SMALL.model_copy(update={"level": "peak"}), "wave")(clip)
    assert abs(peak).max() == pytest.approx(1.0, abs=1e-3)


def test_dc_is_removed(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, np.full(2000, 0.25), 2000)
    assert np.abs(Extractor(SMALL, "wave")(clip)).max() < 1e-6


def test_background_removal_flattens_a_steady_hum(tmp_path: Path) -> None:
    n = 20_000
    hum = np.sin(2 * np.pi * 300 * np.arange(n) / 2000) * 0.3 + np.random.default_rng(0).normal(0, 0.003, n)
    clip = clip_of(tmp_path, hum, 2000)
    plain = Extractor(SMALL)(clip)
    removed = Extractor(SMALL.model_copy(update={"background": "median"}))(clip)
    inner = slice(3, -3)  # edges see padding
    assert np.ptp(plain[2][:, inner].mean(axis=1)) > 20
    assert np.ptp(removed[2][:, inner].mean(axis=1)) < 3


def test_background_is_of_the_recording_not_of_the_window(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.01, 60_000)
    wave[20_000:22_000] += np.sin(np.arange(2000) * 0.8)  # a call that fills its window
    clip = clip_of(tmp_path, wave, 2000)
    extractor = Extractor(SMALL.model_copy(update={"background": "median", "top_db": None}))
    window = Clip(clip.recording, 20_000, 21_600)
    assert extractor(window).max() > 30  # still stands out: its own median was not taken away
    neighbour = Clip(clip.recording, 23_000, 24_600)
    assert np.array_equal(extractor.background_db(window), extractor.background_db(neighbour))


def test_background_and_level_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="background"):
        Extractor(SMALL.model_copy(update={"background": "median", "level": "rms"}))


def test_features_are_float32_and_finite_for_silence(tmp_path: Path) -> None:
    features = Extractor(SMALL)(clip_of(tmp_path, np.zeros(500), 2000))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert torch.from_numpy(features).std() == 0
