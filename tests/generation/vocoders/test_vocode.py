"""Vocoders by name, sound files there and back, log-mels from files; what is refused, and how."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from finback.audio import io
from finback.core.errors import AudioError, InputError, RunError, SettingsError, SpecMismatchError
from finback.core.storage.paths import portable
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.generation.vocoders import vocode as vocoding
from finback.generation.vocoders.clips import logmel_of, read_wave, round_trip
from finback.generation.vocoders.files import load_logmels
from finback.generation.vocoders.vocode import Vocoder, VocodeRequest, vocode
from finback.models import pretrained
from finback.training.settings import resolve

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=64, n_mels=32, n_frames=60, pad="tile")


def song(seconds: float, rate: int = 11_025) -> np.ndarray:
    """A config that slides up and down over noise, with a gap of near silence."""
    rng = np.random.default_rng(4)
    t = np.arange(round(seconds * rate)) / rate
    hz = 800 + 500 * np.sin(2 * np.pi * 1.3 * t)
    tone = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / rate) * (np.sin(2 * np.pi * 0.7 * t) > -0.6)
    return (tone + rng.normal(0, 0.003, len(t))).astype(np.float32)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    io.write(tmp_path / "song.wav", song(2.0), 11_025)
    return tmp_path / "song.wav"


@pytest.mark.parametrize("seconds", [0.02, 0.3, 0.48, 0.5, 2.0, 3.7])
@pytest.mark.parametrize("level", ["none", "rms"])
def test_a_sound_of_any_length_comes_back_as_long_and_as_loud(seconds: float, level: str) -> None:
    spec = SPEC.model_copy(update={"level": level})
    wave = song(seconds, 8000)
    made = round_trip(wave, spec, Vocoder.load("fast-griffin-lim", spec, "cpu"))
    assert made.shape == wave.shape
    assert 10 * np.log10(np.mean(made**2) / np.mean(wave**2)) == pytest.approx(0, abs=1)
    asked, came = logmel_of(wave[None], spec), logmel_of(made[None], spec)
    assert np.corrcoef(asked.ravel(), came.ravel())[0, 1] > 0.93


def test_windows_fade_into_each_other_without_a_seam() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    made = round_trip(noise, SPEC, Vocoder.load("fast-griffin-lim", SPEC, "cpu"))
    level = 10 * np.log10(np.mean(made[: 117 * 256].reshape(117, 256) ** 2, axis=1))
    assert level.min() > np.median(level) - 2.5
    assert level.max() < np.median(level) + 2.5


def test_a_clip_makes_the_round_trip(clip: Path, tmp_path: Path) -> None:
    done = vocode(VocodeRequest(clip, tmp_path / "again.wav"), SPEC)
    again = io.probe(tmp_path / "again.wav")
    assert (again.sample_rate, again.n_channels) == (8000, 1)
    assert again.n_samples == len(read_wave(clip, SPEC)) == 16_000
    assert done.vocoder == "components"
    assert done.before_db.shape == done.after_db.shape == (32, 250)
    assert set(done.measures) == {
        "lsd_db",
        "mr_stft",
        "mel_l1_db",
        "mel_correlation",
        "envelope_db",
        "onset_error",
    }
    assert done.measures["mel_correlation"] > 0.95
    first = (tmp_path / "again.wav").read_bytes()
    vocode(VocodeRequest(clip, tmp_path / "again.wav"), SPEC)
    assert (tmp_path / "again.wav").read_bytes() == first


def test_a_click_of_a_millisecond_in_a_part_of_the_band(tmp_path: Path) -> None:
    """Shorter than every window of the measures, and mostly silent: all measures are numbers."""
    wave = np.zeros(192, dtype=np.float32)
    wave[90:110] = 0.5 * np.hanning(20)
    io.write(tmp_path / "click.wav", wave, 192_000)
    spec = resolve("ultrasonic").features
    done = vocode(VocodeRequest(tmp_path / "click.wav", tmp_path / "again.wav"), spec)
    assert np.isfinite(list(done.measures.values())).all()


def test_as_loud_as_another_clip(clip: Path, tmp_path: Path) -> None:
    io.write(tmp_path / "quiet.wav", song(1.0) * 0.01, 11_025)
    vocode(VocodeRequest(clip, tmp_path / "a.wav", like=tmp_path / "quiet.wav"), SPEC)
    rms = [np.sqrt(np.mean(read_wave(tmp_path / n, SPEC) ** 2)) for n in ("a.wav", "quiet.wav")]
    assert rms[0] == pytest.approx(rms[1], rel=0.02)


def test_spectrograms_from_files(tmp_path: Path) -> None:
    x = LogMel(SPEC)(torch.from_numpy(song(3.0, 8000).reshape(3, 8000)))[:, 0].numpy()
    np.save(tmp_path / "one.npy", x[0])
    np.savez(
        tmp_path / "many.npz", **{"seal-1": x[0], "seal-2.wav": x[1], "../x": x[2], "seed": np.arange(3)}
    )
    one = vocode(VocodeRequest(tmp_path / "one.npy", tmp_path / "one.flac", "griffin-lim"), SPEC)
    assert one.measures["mel_correlation"] > 0.9
    assert io.probe(tmp_path / "one.flac").n_samples == SPEC.covered_samples
    many = vocode(VocodeRequest(tmp_path / "many.npz", tmp_path / "out", "griffin-lim"), SPEC)
    made = sorted(p.name for p in (tmp_path / "out").glob("[!.]*"))
    assert made == [portable("../x.wav"), "seal-1.wav", "seal-2.wav"]
    assert len(many.paths) == 3
    np.save(
        tmp_path / "long.npy", np.concatenate([x[0], x[1]], axis=1)
    )  # other lengths are no other features
    long = vocode(VocodeRequest(tmp_path / "long.npy", tmp_path / "long.wav"), SPEC)
    assert long.spec.n_frames == 120
    assert io.probe(tmp_path / "long.wav").n_samples == 120 * 64


@pytest.mark.parametrize(
    ("array", "named"),
    [
        (np.zeros((16, 60)), "32 bands"),
        (np.zeros((32, 60, 3)), "32 bands"),
        (np.full((32, 60), np.nan), "not in dB"),
        (np.full((32, 60), 5000.0), "not in dB"),
        (np.zeros(8), "no log-mels"),
    ],
)
def test_what_is_no_log_mel_is_refused(array: np.ndarray, named: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=named):
        load_logmels(tmp_path / "x.npy", SPEC)


def test_files_and_names_that_do_not_fit_are_refused(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "broken.npy").write_bytes(b"no array")
    for name, message in (("broken.npy", "cannot be read"), ("none.npy", "no such file")):
        with pytest.raises(InputError, match=message):
            vocode(VocodeRequest(tmp_path / name, tmp_path / "x.wav"), SPEC)
    np.savez(tmp_path / "two.npz", a=np.zeros((32, 60)), b=np.zeros((32, 50)))
    with pytest.raises(InputError, match="one length"):
        vocode(VocodeRequest(tmp_path / "two.npz", tmp_path / "out"), SPEC)
    np.save(tmp_path / "two.npy", np.zeros((2, 32, 60)))
    with pytest.raises(InputError, match="folder"):
        vocode(VocodeRequest(tmp_path / "two.npy", tmp_path / "x.wav"), SPEC)
    with pytest.raises(InputError, match="wav or"):
        vocode(VocodeRequest(clip, tmp_path / "x.mp3"), SPEC)
    with pytest.raises(AudioError, match="no such"):
        vocode(VocodeRequest(tmp_path / "none.wav", tmp_path / "x.wav"), SPEC)
    with pytest.raises(RunError, match="none here"):
        Vocoder.load("none here", SPEC)
    with pytest.raises(SettingsError, match="pcen"):
        Vocoder.load("auto", FeatureSpec(scale="pcen"))


class Network(torch.nn.Module):
    """Stands for a trained vocoder: as many samples as it should give, all of the first band's level."""

    def forward(self, logmel_db: torch.Tensor) -> torch.Tensor:
        return 10 ** (logmel_db[:, 0, :1].mean(dim=2) / 20) * torch.ones(1, SPEC.covered_samples)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch) -> Path:
    """A folder of bundled models with a vocoder "sea" for SPEC."""
    run = tmp_path / "weights" / "sea" / "vocoder"
    run.mkdir(parents=True)
    (run / "run.json").write_text(
        json.dumps({"format": 1, "kind": "vocoder", "spec": SPEC.model_dump(mode="json")})
    )
    monkeypatch.setattr(pretrained, "_root", lambda: tmp_path / "weights")
    model = SimpleNamespace(network=Network(), spec=SPEC, run=SimpleNamespace())
    monkeypatch.setattr(vocoding, "load_model", lambda path, kind, device: model)
    return run


def test_a_trained_vocoder_by_folder_by_name_and_by_itself(weights: Path) -> None:
    x = torch.full((20, 1, 32, 60), -20.0)
    for name in (weights, "sea", "auto"):
        made = Vocoder.load(name, SPEC, "cpu")(x)
        assert made.shape == (20, SPEC.covered_samples)
        assert torch.allclose(made, torch.tensor(0.1))
    # How clips were filled up and levelled makes no difference.
    assert Vocoder.load("sea", SPEC.model_copy(update={"pad": "zero", "level": "rms", "top_db": None}), "cpu")


def test_a_vocoder_for_other_features_is_refused_with_a_repair(weights: Path) -> None:
    other = SPEC.model_copy(update={"hop": 128, "f_max": 3000.0})
    with pytest.raises(SpecMismatchError, match="hop 64, not 128") as refused:
        Vocoder.load("sea", other)
    assert "finback train vocoder" in refused.value.repair
    assert Vocoder.load("auto", other, "cpu").name == "components"


def test_a_recording_too_long_to_hold_is_refused(tmp_path: Path) -> None:
    io.write(tmp_path / "long.flac", np.zeros(601 * 1000, dtype=np.float32), 1000)
    with pytest.raises(AudioError, match="601 s long"):
        read_wave(tmp_path / "long.flac", SPEC)


def test_clicks_are_as_short_where_windows_meet() -> None:
    """Wherever they lie in a sound of several windows."""
    shares = []
    for first in range(1500, 2500, 97):
        wave, starts = np.zeros(28_000, dtype=np.float32), np.arange(first, 26_000, 1003)
        for start in starts:
            wave[start : start + 4] = [0.5, -0.4, 0.3, -0.2]
        power = round_trip(wave, SPEC, Vocoder.load("components", SPEC, "cpu")).astype(np.float64) ** 2
        shares += [power[s - 8 : s + 12].sum() / power[s - 400 : s + 400].sum() for s in starts]
    assert min(shares) > 0.9
