"""Noises for the gate: of the colour of a tape, without its calls; the same for the same clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio import io
from finback.core.types import Clip
from finback.datasets.simulate.tape_noise import TAPE_NOISES
from finback.training.negatives import SEAS, SOUNDS, negatives

RATE = 8000


def tape() -> np.ndarray:
    """Four seconds of a 1 kHz hum in noise, and half a second of a loud call at 3 kHz."""
    rng = np.random.default_rng(0)
    t = np.arange(4 * RATE) / RATE
    call = np.sin(2 * np.pi * 3000 * t) * ((t > 1) & (t < 1.5))
    return 0.1 * np.sin(2 * np.pi * 1000 * t) + 0.5 * call + rng.normal(0, 0.01, len(t))


def share(x: np.ndarray, hz: float) -> float:
    """Of the power, in a band around a frequency."""
    power = np.abs(np.fft.rfft(x)) ** 2
    at = np.fft.rfftfreq(len(x), 1 / RATE)
    return float(power[np.abs(at - hz) < 60].sum() / power.sum())


@pytest.mark.parametrize("kind", ["median", "low", "quiet"])
def test_noise_of_a_tape_has_its_hum_and_not_its_call(kind: str) -> None:
    x = TAPE_NOISES[kind](np.random.default_rng(1), tape(), RATE, 2 * RATE)
    assert share(x, 1000) > 0.5
    assert share(x, 3000) < 0.02
    assert share(tape(), 3000) > 0.5


def test_the_mean_spectrum_has_the_pitch_of_the_call_at_all_times() -> None:
    x = TAPE_NOISES["mean"](np.random.default_rng(1), tape(), RATE, 2 * RATE)
    parts = [share(part, 3000) for part in np.split(x, 4)]
    assert min(parts) > 0.2


@pytest.mark.parametrize("kind", sorted(SOUNDS))
@pytest.mark.parametrize("rate", [1000, 8000, 96_000])
def test_every_noise_is_finite_at_every_rate(kind: str, rate: int) -> None:
    rng = np.random.default_rng(5)
    for n in (1, 50, rate // 4):
        x = SOUNDS[kind](rng, rate, n)
        assert x.shape == (n,)
        assert np.isfinite(x).all()


def clips(folder: Path) -> list[Clip]:
    found = []
    for i, x in enumerate((tape(), tape()[:900], np.zeros(RATE))):
        path = folder / f"{i}.wav"
        io.write(path, x.astype(np.float32), RATE)
        found.append(Clip(io.open_recording(path), 0, len(x), label=f"species {i}"))
    return found


def test_a_noise_depends_on_its_clip_alone(tmp_path: Path) -> None:
    own = clips(tmp_path)
    every = {sound.tape: sound for sound in negatives(own, 1.0, 10) if sound.tape}
    assert len(every) == 2  # none of the silent clip
    for clip in own[:2]:
        alone, *_ = [sound for sound in negatives([clip], 1.0, 10) if sound.tape]
        assert np.array_equal(alone.samples, every[clip.group_key].samples)
        assert len(alone.samples) <= max(RATE, clip.stop)
        assert np.abs(alone.samples).max() == pytest.approx(0.5, abs=1e-4)


def test_seas_have_every_kind_of_sound_and_many_are_short(tmp_path: Path) -> None:
    own = clips(tmp_path)
    assert len(list(negatives(own, 0.2, 1))) == 1 + len(own) < 1 + SEAS
    seas = [s for s in negatives(own * 40, 0.2, 20) if not s.tape]
    assert len(seas) == 20 * SEAS
    assert set(SOUNDS) < {s.kind for s in seas}
    lengths = np.array([len(s.samples) / s.sample_rate for s in seas])
    assert 0.3 < (lengths < 0.19).mean() < 0.7
    assert lengths.max() < 0.21
