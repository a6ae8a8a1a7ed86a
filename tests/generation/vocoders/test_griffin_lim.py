"""Griffin-Lim against librosa's from the same phases; what it promises of batches, edges and seeds."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from finback.features.spec import FeatureSpec
from finback.features.stft import Frames
from finback.generation.vocoders.griffin_lim import FAST, griffin_lim

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=64, n_mels=32, n_frames=60)


def magnitudes(n: int = 1, spec: FeatureSpec = SPEC) -> torch.Tensor:
    """(n, n_bins, F) of rising tones in noise."""
    rng = np.random.default_rng(1)
    t = np.arange(spec.n_frames * spec.hop) / spec.sample_rate
    waves = [
        np.sin(2 * np.pi * (300 + 200 * i + 900 * t) * t) + 0.1 * rng.normal(size=len(t)) for i in range(n)
    ]
    return torch.from_numpy(
        np.stack(
            [
                np.abs(librosa.stft(w, n_fft=spec.n_fft, hop_length=spec.hop))[:, : spec.n_frames]
                for w in waves
            ]
        )
    )


@pytest.mark.parametrize("momentum", [0.0, FAST])
@pytest.mark.parametrize("hop", [64, 100])  # 100 does not divide n_fft
def test_equals_librosas_from_the_same_phases(momentum: float, hop: int, monkeypatch) -> None:
    spec = SPEC.model_copy(update={"hop": hop})
    magnitude = magnitudes(1, spec)
    angles = np.random.default_rng(5).uniform(-np.pi, np.pi, magnitude.shape[1:])
    # librosa draws its own phases; the draw is replaced, the rest is librosa's.
    monkeypatch.setattr(librosa.util, "phasor", lambda *_a, **_k: np.exp(1j * angles))
    theirs = librosa.griffinlim(
        magnitude[0].numpy(),
        n_iter=10,
        hop_length=hop,
        n_fft=256,
        momentum=momentum,
        init="random",
        random_state=0,
    )
    ours = griffin_lim(
        magnitude, spec, 10, momentum, length=(spec.n_frames - 1) * hop, phases=torch.from_numpy(angles)
    )[0].numpy()
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_fast_comes_nearer_in_as_many_rounds() -> None:
    magnitude = magnitudes(3).float()
    frames = Frames(SPEC, SPEC.n_frames, SPEC.n_frames * SPEC.hop, magnitude)

    def error(rounds: int, momentum: float) -> float:
        again = (
            frames.analyse(frames.padded(griffin_lim(magnitude, SPEC, rounds, momentum)))
            .abs()
            .transpose(1, 2)
        )
        return float((again - magnitude).norm() / magnitude.norm())

    assert error(32, FAST) < 0.9 * error(32, 0.0)
    assert error(32, 0.0) < 0.7 * error(1, 0.0)


def test_a_wave_does_not_depend_on_its_batch_and_a_seed_gives_it_again() -> None:
    magnitude = magnitudes(5).float()
    together = griffin_lim(magnitude, SPEC, 8, FAST, seed=3)
    alone = torch.cat([griffin_lim(m[None], SPEC, 8, FAST, seed=3) for m in magnitude])
    assert torch.equal(together, alone)
    assert not torch.allclose(together, griffin_lim(magnitude, SPEC, 8, FAST, seed=4), atol=1e-2)


def test_silence_stays_silence() -> None:
    assert torch.equal(griffin_lim(torch.zeros(1, 129, 60), SPEC), torch.zeros(1, 60 * 64))


@pytest.mark.parametrize(
    ("n_fft", "hop", "length"), [(256, 64, 3840), (256, 64, 3777), (256, 256, 2560), (250, 77, 900)]
)
def test_frames_give_a_wave_back(n_fft: int, hop: int, length: int) -> None:
    n_frames = -(-length // hop)
    spec = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=n_fft, hop=hop, n_mels=8, n_frames=n_frames)
    wave = torch.randn(2, length, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    frames = Frames(spec, n_frames, length, wave)
    back = frames.cut(frames.synthesise(frames.analyse(frames.padded(wave))))
    assert back.shape == wave.shape
    if hop <= n_fft // 2:
        assert torch.allclose(back, wave, atol=1e-9)
    spectra = librosa.stft(wave[1].numpy(), n_fft=n_fft, hop_length=hop)[:, :n_frames].T
    assert np.abs(frames.analyse(frames.padded(wave))[1].numpy() - spectra).max() < 1e-6
