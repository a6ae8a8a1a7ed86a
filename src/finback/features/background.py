"""The steady background of a recording: the median level of each mel band over a stretch of it.

Subtracted from log-mel spectrograms where `features.background = "median"`. Stretches of `background_s`
seconds start at multiples of this length; the last one ends at the end of the recording. Neighbouring windows
share a stretch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.audio.samples import Samples
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec

REMEMBERED = 64  # stretches


class MedianBackground:
    """Medians (M,) in dB; the last few are kept in memory, and no audio."""

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self._known: OrderedDict[Hashable, NDArray[np.float32]] = OrderedDict()

    @cached_property
    def _logmel(self) -> LogMel:
        return LogMel(self.spec)

    def stretch_samples(self, sample_rate: int) -> int:
        """Native samples of one stretch."""
        return self.spec.native(round(self.spec.background_s * self.spec.sample_rate), sample_rate)

    def __call__(self, samples: Samples, start: int, stop: int) -> NDArray[np.float32]:
        """(M,) median dB per band of the stretch that holds the middle of the window `start` to `stop`."""
        length = self.stretch_samples(samples.sample_rate)
        stretch = (start + stop) // 2 // length
        is_complete = samples.reaches((stretch + 1) * length)
        first = stretch * length if is_complete else max(0, samples.n_samples - length)
        key = (samples.key, first)
        median = self._known.get(key)
        if median is None:
            x = remove_dc(samples.read(first, min(samples.n_samples, first + length)))
            x = resample(x, samples.sample_rate, self.spec.sample_rate)
            median = self._logmel.median_db(torch.from_numpy(x)).numpy()
            self._known[key] = median
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return median

    def first_needed(self, start: int, sample_rate: int) -> int:
        """The first sample that windows from native sample `start` on may need."""
        length = self.stretch_samples(sample_rate)
        return max(0, (start // length - 1) * length)
