"""`mfcc`: mean and deviation of cepstral coefficients and their differences, 80 numbers a window.

The usual features of bioacoustics before neural networks, and still a good baseline. The 0th coefficient is
the window's level: set `features.level = "rms"` where loudness must not count (the mfcc families do).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from finback.features.backbones import Backbone
from finback.features.logmel import LogMel
from finback.features.mfcc import N_COEFFICIENTS, mfcc_statistics
from finback.features.spec import FeatureSpec


class Mfcc(Backbone):
    """(w, T) -> (w, 4 C) through the spec's own log-mel."""

    name: ClassVar[str] = "mfcc"
    takes_any_window: ClassVar[bool] = True
    no_graph: ClassVar[str] = ""

    def __init__(self, spec: FeatureSpec) -> None:
        self.logmel = LogMel(spec.in_db)  # cepstra are of the logarithm
        self.n_features = 4 * min(N_COEFFICIENTS, spec.n_mels)
        self.version = "1"
        self.covered_samples = spec.covered_samples

    @torch.inference_mode()
    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, T) -> (w, 4 C)."""
        return mfcc_statistics(self.logmel(torch.from_numpy(waves))[:, 0].numpy())
