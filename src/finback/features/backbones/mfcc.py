"""`mfcc`: mean and deviation of cepstral coefficients and their differences, 80 numbers a window.

What bioacoustics used before networks, and still the first thing to try. The 0th coefficient is the window's
level: set `features.level = "rms"` where loudness must not count (the mfcc families do).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from finback.features.logmel import LogMel
from finback.features.mfcc import N_COEFFICIENTS, mfcc_statistics
from finback.features.spec import FeatureSpec


class Mfcc:
    """(w, T) -> (w, 4 C) through the spec's own log-mel."""

    install: ClassVar[str] = ""
    licence: ClassVar[str] = ""

    def __init__(self, spec: FeatureSpec) -> None:
        self.logmel = LogMel(spec)
        self.n_features = 4 * min(N_COEFFICIENTS, spec.n_mels)
        self.version = "1"
        self.heard_samples = spec.covered_samples

    @torch.inference_mode()
    def __call__(self, waves: np.ndarray) -> np.ndarray:
        return mfcc_statistics(self.logmel(torch.from_numpy(waves))[:, 0].numpy())
