"""The number of frames of a window that are sound of the clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.types import Clip, Recording
from finback.features.lengths import true_frames
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=1000, clip_samples=1000, n_fft=64, hop=10, n_frames=50)


@pytest.mark.parametrize(
    ("n_samples", "frames"),
    [(1, 1), (40, 1), (41, 2), (400, 10), (1000, 25), (1999, 50), (4000, 50)],
)
def test_frames_centred_within_the_clip(n_samples: int, frames: int) -> None:
    recording = Recording("r", Path("r.wav"), 4000, 8000, 1)  # four times the rate of the spec
    window = Clip(recording, 500, 500 + n_samples, None)
    assert true_frames([window], SPEC).tolist() == [frames]
