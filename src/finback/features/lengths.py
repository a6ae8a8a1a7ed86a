"""How many frames of a spectrogram are sound of the clip, and not padding.

A clip that is shorter than the window is filled with zeros, repetitions or reflections (`FeatureSpec.pad`).
Statistics over time that count these frames measure the padding: a clip of a third of a second that is tiled
seems to be a train of calls. Generators and their measures therefore take only the first `true_frames`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from finback.core.types import Clip
from finback.features.spec import FeatureSpec


def true_frames(windows: Iterable[Clip], spec: FeatureSpec) -> NDArray[np.int64]:
    """(N,) number of frames of each window, from 1 to `spec.n_frames`, whose centre lies within the clip.

    `windows` are spans as `Extractor.windows` gives them.
    """
    return np.array([_frames(window, spec) for window in windows], dtype=np.int64)


def _frames(window: Clip, spec: FeatureSpec) -> int:
    seconds = (window.stop - window.start) / window.recording.sample_rate
    # Frames are centred every hop, the first one at 0. The small number is for rounding of the rate.
    return min(spec.n_frames, max(1, math.ceil(seconds * spec.sample_rate / spec.hop - 1e-6)))
