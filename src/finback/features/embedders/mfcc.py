"""`mfcc` and `cepstra`: what cepstral coefficients do over a window, in 80 or 175 numbers.

What bioacoustics used before networks, and still the first thing to try: `mfcc` is the mean and deviation of
20 coefficients and of their differences, `cepstra` the same of 25 with their deciles and skewness. The 0th
coefficient is the window's level: set `features.level = "rms"` where loudness must not count (the mfcc
families do).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from finback.features.logmel import LogMel
from finback.features.mfcc import N_COEFFICIENTS, N_SHAPED, cepstral_shape, mfcc_statistics
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

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        return mfcc_statistics(self._decibel(waves))

    @torch.inference_mode()
    def _decibel(self, waves: np.ndarray) -> np.ndarray:
        """(w, T) -> (w, M, F)."""
        values: np.ndarray = self.logmel(torch.from_numpy(waves))[:, 0].numpy()
        return values


class Cepstra(Mfcc):
    """(w, T) -> (w, 7 C) through the spec's own log-mel."""

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__(spec)
        self.n_features = 7 * min(N_SHAPED, spec.n_mels)

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        return cepstral_shape(self._decibel(waves))
