"""The checks that every synthetic clip must pass before it may be used for training.

The clip is read back from disk, as training will read it. A sample is rejected for the first of these
reasons:

- `silent`: its samples are below `SILENCE`, where 16 bits leave little but rounding;
- `other species`: the reference classifier prefers another species, or gives the wanted one less than the
  minimum probability;
- `copy`: it is nearer to a real training clip than the 1st percentile of distances between real training
  clips of different recording groups (`metrics.copying`), where there are two groups;
- `out of band`: the share of its energy in the species' band is outside the 5th to 95th percentile of the
  real clips (`metrics.band`), where there are five clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.audio.samples import read_clip
from finback.core.progress import Progress
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.nearest_clips import NearestClips
from finback.generation.synthesizer import Synthesizer
from finback.metrics.band import Band
from finback.metrics.copying import CopyThresholds, shifted_distances
from finback.models.predictor import Predictor

ACCEPTED = "accepted"
REASONS = ("silent", "other species", "copy", "out of band")
SILENCE = 3 / 32768  # root mean square of a sound of three 16-bit steps: -81 dB re full scale
MAX_WINDOWS = 1000  # real windows whose distances to each other are computed: some ten seconds


@dataclass(frozen=True)
class GateResult:
    """The outcome for one sample, "accepted" or the first reason against it, and the numbers behind it."""

    outcome: str
    probability: float  # of the wanted species, by the reference classifier
    distance: float  # to the nearest training clip
    band_share: float | None  # of the energy; None where the species' band is not known
    parent: str  # file of the nearest training clip


class QualityGate:
    """Real training clips and a reference classifier, which decide whether a sample is accepted."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        real: Sequence[Clip],
        dataset: Dataset,
        classifier: Predictor,
        progress: Progress,
    ) -> None:
        self.classifier = classifier
        self.names = synthesizer.labels.names
        self.store = FeatureStore(Extractor(synthesizer.spec, "logmel"), default_folder())
        self.store.prepare(real, progress)
        self.uncached = FeatureStore(Extractor(synthesizer.spec, "logmel"))  # each sample is read once
        self.nearest = NearestClips(self.store, tuple(real), [dataset.file_of(c) for c in real])
        self.copy_threshold = self._copy_threshold(real)
        self.bands = {
            name: Band.of(self._windows([c for c in real if c.label == name])) for name in self.names
        }

    def __call__(self, samples: Sequence[Clip], label: int, min_probability: float = 0.0) -> list[GateResult]:
        """Check samples of one species, given as clips of files of their own, and its class id."""
        probabilities = self.classifier.scores(samples).probabilities
        x = np.concatenate([self.uncached(c)[:1] for c in samples])  # (N, M, F)
        parents, distances = self.nearest.find(x)
        own, band = self.classifier.labels.index(self.names[label]), self.bands[self.names[label]]
        shares = None if band is None else band.shares(x)
        results = []
        for i, (sample, p) in enumerate(zip(samples, probabilities, strict=True)):
            share = None if shares is None else float(shares[i])
            failed = (
                np.sqrt(np.mean(np.square(read_clip(sample), dtype=np.float64))) < SILENCE,
                p.argmax() != own or p[own] < min_probability,
                self.copy_threshold is not None and distances[i] < self.copy_threshold,
                band is not None and not band.holds(np.array(share)),
            )
            outcome = next((why for why, bad in zip(REASONS, failed, strict=True) if bad), ACCEPTED)
            parent = self.nearest.files[parents[i]]
            results.append(GateResult(outcome, float(p[own]), float(distances[i]), share, parent))
        return results

    def _windows(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """(N, M, F) all windows of the clips."""
        spec = self.uncached.extractor.spec
        empty = np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32)
        return np.concatenate([empty, *(self.store(c) for c in clips)])

    def _copy_threshold(self, real: Sequence[Clip]) -> float | None:
        """The 1st percentile of distances between clips of different groups, from at most `MAX_WINDOWS`."""
        step = -(-len(real) // MAX_WINDOWS)
        windows = [(self.store(c)[0], c.group_key) for c in real[::step]]
        x = np.stack([w for w, _ in windows])
        return CopyThresholds.of(shifted_distances(x, x), [group for _, group in windows], np.zeros(0)).pair
