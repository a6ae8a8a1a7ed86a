"""LogMel against librosa, on noise, tones, clicks and silence; its inverse; independence of the batch."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from finback.audio.io import read
from finback.audio.resample import resample
from finback.core.errors import SettingsError
from finback.core.settings import build, load_preset
from finback.features.extract import fit_length
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.training.settings import Settings

SPECS = {
    name: build(Settings, load_preset(name)).features for name in ("watkins", "right-whale", "ultrasonic")
}


def waves_for(spec: FeatureSpec) -> np.ndarray:
    """(4, T): noise, a rising tone on noise, a click train, and silence."""
    rng = np.random.default_rng(3)
    n = spec.clip_samples
    t = np.arange(n) / spec.sample_rate
    noise = rng.normal(0, 0.1, n)
    sweep = np.sin(2 * np.pi * (0.05 + 0.1 * t / t[-1]) * spec.sample_rate * t) * 0.3
    clicks = np.zeros(n)
    clicks[:: n // 10] = 0.9
    return np.stack([noise, sweep + noise / 100, clicks, np.zeros(n)]).astype(np.float32)


def librosa_logmel(wave: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """The oracle: melspectrogram, the frames that are kept, power_to_db."""
    mel = librosa.feature.melspectrogram(
        y=wave,
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop,
        n_mels=spec.n_mels,
        fmin=spec.f_min,
        fmax=spec.top_hz,
        pad_mode="constant",
    )
    return librosa.power_to_db(mel[:, : spec.n_frames], top_db=spec.top_db)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.filterwarnings("ignore:Empty filters detected")
def test_equals_librosa(name: str) -> None:
    spec = SPECS[name]
    waves = waves_for(spec)
    ours = LogMel(spec)(torch.from_numpy(waves))
    assert ours.shape == (4, 1, spec.n_mels, spec.n_frames)
    theirs = np.stack([librosa_logmel(w, spec) for w in waves])
    difference = np.abs(ours[:, 0].numpy() - theirs)
    # More than 60 dB below a pure tone both are made of float32's rounding.
    loud = theirs > theirs.max(axis=(1, 2), keepdims=True) - 60
    assert difference[loud].max() < 1e-3
    assert difference.max() < 1e-2


@pytest.mark.real
def test_equals_librosa_on_real_clips(watkins) -> None:
    spec = SPECS["watkins"]
    import soundfile

    waves = []
    for path in sorted((watkins / "audio").iterdir())[::40]:
        waves.append(
            fit_length(resample(read(path), soundfile.info(path).samplerate, spec.sample_rate), spec)
        )
    ours = LogMel(spec)(torch.from_numpy(np.stack(waves)))[:, 0].numpy()
    theirs = np.stack([librosa_logmel(w, spec) for w in waves])
    assert np.abs(ours - theirs).max() < 1e-3


def test_eight_together_equal_eight_alone() -> None:
    spec = SPECS["watkins"]
    waves = torch.from_numpy(np.concatenate([waves_for(spec), waves_for(spec)[::-1] * 0.01]))
    logmel = LogMel(spec)
    together = logmel(waves)
    alone = torch.cat([logmel(w[None]) for w in waves])
    assert torch.equal(together, alone)


def test_inverse_gives_the_bands_back() -> None:
    spec = SPECS["watkins"]
    logmel = LogMel(spec)
    features = logmel(torch.from_numpy(waves_for(spec)[:3]))
    magnitude = logmel.inverse(features)
    assert magnitude.shape == (3, spec.n_bins, spec.n_frames)
    assert (magnitude >= 0).all()
    again = 10 * torch.log10((logmel.weights @ magnitude.square()).clamp_min(1e-10))
    loud = features[:, 0] > features[:, 0].amax(dim=(1, 2), keepdim=True) - 50
    error = (again - features[:, 0])[loud].abs()
    assert error.mean() < 0.05
    assert error.quantile(0.99) < 0.5  # the foot of a pure tone converges slowly


def test_inverse_is_no_worse_than_librosas() -> None:
    spec = SPECS["watkins"]
    wave = waves_for(spec)[1]
    logmel = LogMel(spec)
    features = logmel(torch.from_numpy(wave[None]))
    truth = np.abs(librosa.stft(wave, n_fft=spec.n_fft, hop_length=spec.hop))[:, : spec.n_frames]
    mel = librosa.db_to_power(features[0, 0].numpy())
    theirs = librosa.feature.inverse.mel_to_stft(mel, sr=spec.sample_rate, n_fft=spec.n_fft)
    ours = logmel.inverse(features)[0].numpy()
    assert np.linalg.norm(ours - truth) < np.linalg.norm(theirs - truth)


def test_inverse_puts_the_background_back() -> None:
    spec = SPECS["watkins"]
    logmel = LogMel(spec.model_copy(update={"top_db": None}))
    waves = torch.from_numpy(waves_for(spec)[:1])
    background = logmel.median_db(waves[0])[None]
    plain, removed = logmel(waves), logmel(waves, background)
    assert torch.allclose(plain - background[:, None, :, None], removed, atol=1e-4)
    assert torch.allclose(logmel.inverse(plain), logmel.inverse(removed, background), rtol=1e-2, atol=1e-3)


def test_median_is_of_every_band_over_every_frame() -> None:
    spec = SPECS["watkins"]
    logmel = LogMel(spec)
    wave = waves_for(spec)[0].repeat(7)  # several slices
    mel = librosa.feature.melspectrogram(
        y=wave, sr=spec.sample_rate, n_fft=2048, hop_length=512, n_mels=96, pad_mode="constant"
    )
    expected = np.sort(librosa.power_to_db(mel, top_db=None), axis=1)[
        :, (mel.shape[1] - 1) // 2
    ]  # torch: lower median
    assert np.abs(logmel.median_db(torch.from_numpy(wave)).numpy() - expected).max() < 1e-2


def test_pcen_cannot_be_inverted() -> None:
    logmel = LogMel(FeatureSpec(scale="pcen"))
    with pytest.raises(SettingsError, match="PCEN"):
        logmel.inverse(torch.zeros(1, 1, 96, 112))


def test_pcen_equals_librosas() -> None:
    spec = FeatureSpec(scale="pcen")
    wave = waves_for(spec)[1]
    mel = librosa.feature.melspectrogram(
        y=wave, sr=22050, n_fft=2048, hop_length=512, n_mels=96, pad_mode="constant"
    )
    theirs = librosa.pcen(mel[:, :112] * 2**31, sr=22050, hop_length=512)
    ours = LogMel(spec)(torch.from_numpy(wave[None]))[0, 0].numpy()
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"f_max": 20_000.0}, "f_max"),
        ({"f_min": 12_000.0}, "f_min"),
        ({"hop": 4096}, "hop"),
        ({"sample_rate": 5}, "sample_rate"),
        ({"n_ffft": 3}, "n_ffft"),
        ({"clip_samples": 600, "n_fft": 2048}, "n_fft"),
    ],
)
def test_impossible_specs_are_refused_by_key(values: dict, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        build(FeatureSpec, values)


def test_fingerprint_tells_specs_apart() -> None:
    assert FeatureSpec().fingerprint == FeatureSpec().fingerprint
    assert FeatureSpec().fingerprint != FeatureSpec(hop=256).fingerprint
    assert len({s.fingerprint for s in SPECS.values()}) == 3
