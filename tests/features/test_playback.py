"""Several playback speeds: the input of a backbone is the sound resampled as if it had another rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from finback.audio.io import open_recording, write
from finback.core.errors import SettingsError
from finback.core.types import Clip
from finback.features.extract import Extractor
from finback.features.frontends import create
from finback.features.playback import rates_of_groups, resolved, speeds_for
from finback.features.spec import FeatureSpec
from finback.training.settings import resolve

SPEC = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=63)


def at(*speeds: float, **changes: object) -> FeatureSpec:
    return FeatureSpec.model_validate({**SPEC.model_dump(), "playback": speeds, **changes})


def clip_of(path: Path, rate: int, seconds: float = 1.0) -> Clip:
    t = np.arange(round(rate * seconds)) / rate
    x = np.sin(2 * np.pi * 300 * t) + 0.1 * np.random.default_rng(0).standard_normal(len(t))
    write(path, (0.5 * x / abs(x).max()).astype(np.float32), rate)
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def test_one_speed_is_what_it_always_was(tmp_path: Path) -> None:
    assert at(1.0).fingerprint == SPEC.fingerprint
    assert (
        at(
            1.0,
        ).fingerprint
        != at(1.0, 0.5).fingerprint
        != at(0.5, 1.0).fingerprint
    )
    clip = clip_of(tmp_path / "a.wav", 8000)
    assert np.array_equal(Extractor(at(1.0), "mfcc")(clip), Extractor(SPEC, "mfcc")(clip))


@pytest.mark.parametrize("rate", [8000, 2000, 44_100])
def test_vectors_of_all_speeds_stand_one_after_another(tmp_path: Path, rate: int) -> None:
    clip = clip_of(tmp_path / "a.wav", rate)
    together = Extractor(at(1.0, 0.5, 2.0), "mfcc")(clip)
    alone = [Extractor(at(speed), "mfcc")(clip) for speed in (1.0, 0.5, 2.0)]
    assert np.array_equal(together, np.concatenate(alone, axis=1))


def test_half_speed_is_the_same_samples_at_half_the_rate(tmp_path: Path) -> None:
    """A second at 4,000 Hz, played at half speed, is two windows of the same samples at 2,000 Hz."""
    clip = clip_of(tmp_path / "fast.wav", 4000)
    slow = tmp_path / "slow.wav"
    write(slow, (Extractor(at(0.5), "mfcc").waves(clip)).ravel(), 2000)
    recording = open_recording(slow)
    halves = [Clip(recording, 0, 2000), Clip(recording, 2000, 4000)]
    expected = np.mean([Extractor(SPEC, "mfcc")(half)[0] for half in halves], axis=0)
    # The file is stored with 16 bits.
    assert np.allclose(Extractor(at(0.5), "mfcc")(clip)[0], expected, atol=0.05)


def test_what_half_speed_lets_through(tmp_path: Path) -> None:
    """A tone above half the rate of the network is silence at speed 1, and a tone at half speed."""
    rate = 8000
    write(tmp_path / "high.wav", 0.5 * np.sin(2 * np.pi * 1600 * np.arange(rate) / rate), rate)
    recording = open_recording(tmp_path / "high.wav")
    clip = Clip(recording, 0, rate)
    loud = Extractor(at(0.5), "mfcc").waves(clip)
    quiet = Extractor(SPEC, "mfcc").waves(clip)
    assert loud.shape == (1, 4000)
    assert abs(quiet[:, 100:-100]).max() < 1e-3 < 0.4 < abs(loud).max()
    peak = np.argmax(abs(np.fft.rfft(loud[0]))) * 2000 / loud.shape[1]
    assert peak == pytest.approx(800, abs=1)


def test_only_backbones_take_other_speeds() -> None:
    for name in ("logmel", "wave"):
        with pytest.raises(SettingsError, match="only backbones take other speeds"):
            create(name, at(1.0, 0.5))


@pytest.mark.parametrize(
    "speeds", [(), (0.0,), (1.0, 1.0), (-1.0,), (100.0,), (1, 2, 3, 4, 5), (float("nan"),)]
)
def test_speeds_that_make_no_sense(speeds: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        at(*speeds)


@pytest.mark.parametrize(
    ("rates", "speeds"),
    [
        ([2000], (16.0, 8.0)),
        ([2000, 1000, 2000], (16.0, 8.0)),
        ([600], (64.0, 32.0)),
        ([50], (64.0, 32.0)),  # no faster than the fastest
        ([6000], (1.0, 0.5)),
        ([44_100, 600, 81_920], (1.0, 0.5)),
        ([192_000], (1.0, 0.5)),
        ([384_000], (0.125, 0.0625)),
        ([1_000_000], (0.125, 0.0625)),  # no slower than the slowest
    ],
)
def test_speeds_that_fit_a_collection(rates: list[int], speeds: tuple[float, float]) -> None:
    assert speeds_for(rates, 48_000) == speeds
    assert at(*speeds).speeds == speeds


def test_a_large_tape_counts_no_more_than_others(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "low.wav", 100).in_group("one")
    others = [clip_of(tmp_path / f"{name}.wav", 2000).in_group(name) for name in "ab"]
    assert sorted(rates_of_groups([clip] * 5 + others)) == [100, 2000, 2000]
    auto = SPEC.model_copy(update={"playback": "auto"})
    assert resolved(auto, [clip] * 5 + others).playback == (1.0, 0.5)
    assert resolved(auto, [clip]).playback == (16.0, 8.0)
    assert resolved(SPEC, [clip]) is SPEC


def test_auto_is_no_speed_before_training() -> None:
    auto = FeatureSpec.model_validate({**SPEC.model_dump(), "playback": "auto"})
    with pytest.raises(SettingsError, match="'auto' needs the recordings of a training"):
        create("mfcc", auto)
    with pytest.raises(SettingsError, match=r"features\.playback = auto with a model on logmel"):
        create("logmel", auto)


@pytest.mark.parametrize(
    ("family", "speeds", "parts"), [("birdnet", (1.0,), (1,)), ("birdnet-mix", (0.7, 0.5), (2, 2))]
)
def test_speeds_of_the_families_on_birdnet(
    family: str, speeds: tuple[float, ...], parts: tuple[int, ...]
) -> None:
    spec = resolve(family=family).features
    assert spec.playback == speeds
    assert spec.windows_per_speed == parts
