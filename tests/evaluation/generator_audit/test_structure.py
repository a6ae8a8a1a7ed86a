"""Coherence by species, compared with that of the training clips of a generator."""

from __future__ import annotations

import numpy as np
import pytest

from finback.evaluation.generator_audit.structure import Spectrograms, coherence
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=4000, clip_samples=4000, n_fft=256, hop=100, n_mels=20, n_frames=40)


def clips(height: float, seed: int = 0) -> Spectrograms:
    """Two species: trains of clicks of this height over noise, and noise alone."""
    x = np.random.default_rng(seed).normal(0, 1, (12, 20, 40))
    x[:6, :, ::8] += height
    return Spectrograms(x.astype(np.float32), np.repeat([0, 1], 6))


def test_species_within_20_percent_are_counted() -> None:
    sets = {"real": clips(20), "same": clips(20, seed=1), "smoothed": clips(2, seed=2)}
    found = coherence(sets, "real", SPEC, ("clicks", "noise"))
    assert found["real"]["within"] is None
    assert found["same"]["within"]["common_share"] == 2
    assert found["same"]["within"]["periodicity"] >= 1
    assert found["smoothed"]["within"]["common_share"] == 1  # noise alone is right
    assert found["smoothed"]["n_species"] == 2
    own = found["real"]["per_species"]
    assert own["clicks"]["common_share"] > 0.9 > 0.2 > own["noise"]["common_share"]
    mean = (own["clicks"]["common_share"] + own["noise"]["common_share"]) / 2
    assert found["real"]["common_share"] == pytest.approx(mean)


def test_padding_does_not_count() -> None:
    real = clips(20)
    padded = real.x.copy()
    padded[:, :, 20:] = -80.0
    frames = np.full(12, 20)
    found = coherence({"real": Spectrograms(padded, real.y, frames)}, "real", SPEC, ("clicks", "noise"))
    plain = coherence({"real": Spectrograms(real.x[:, :, :20], real.y)}, "real", SPEC, ("clicks", "noise"))
    assert found == plain
