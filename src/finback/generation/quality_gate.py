"""The gate that every synthetic clip passes before it may be learnt from: heard again as it lies on disk.

A sample is refused for the first of these that it is:

- `silent`: its samples are below `SILENCE`, where 16 bits leave little but rounding;
- `other species`: the judge finds another species likelier, or its own less likely than asked;
- `copy`: it is nearer to a real training clip than the 1st percentile of distances between real training
  clips of different tapes (`metrics.memorisation`), if there are two tapes;
- `out of band`: the share of its energy in the species' band is not within the 5th to 95th percentile of the
  real clips' (`metrics.band`), if there are five.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finback.audio.io import read
from finback.core.progress import Progress
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generate import NearestClips
from finback.generation.synthesizer import Synthesizer
from finback.metrics.band import Band
from finback.metrics.copying import CopyThresholds, shifted_distances
from finback.models.predictor import Predictor

KEPT = "kept"
REASONS = ("silent", "other species", "copy", "out of band")
SILENCE = 3 / 32768  # root mean square of a sound of three 16-bit steps: -81 dB re full scale
MOST = 1000  # real windows whose distances to each other are looked at: some ten seconds


@dataclass(frozen=True)
class GateResult:
    """What the gate says of one sample: "kept" or the first reason against it, and by which numbers."""

    outcome: str
    probability: float
    distance: float
    band_share: float | None
    parent: str


class QualityGate:
    """Real clips of the training side and a judge, asked whether a sample may pass."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        real: Sequence[Clip],
        dataset: Dataset,
        judge: Predictor,
        progress: Progress,
    ) -> None:
        self.judge = judge
        self.names = synthesizer.labels.names
        self.store = FeatureStore(Extractor(synthesizer.spec, "logmel"), default_folder())
        self.store.prepare(real, progress)
        self.fresh = FeatureStore(Extractor(synthesizer.spec, "logmel"))  # samples are heard once
        self.near = NearestClips(self.store, tuple(real), [dataset.file_of(c) for c in real])
        self.mark = self._mark(real)
        self.bands = {
            name: Band.of(self._windows([c for c in real if c.label == name])) for name in self.names
        }

    def __call__(self, sounds: Sequence[Clip], label: int, least: float = 0.0) -> list[GateResult]:
        """Of samples in files of their own, wanted as this class id, at least as probable as `least`."""
        probabilities = self.judge.scores(sounds).probabilities
        x = np.concatenate([self.fresh(c)[:1] for c in sounds])  # (N, M, F)
        parents, distances = self.near.nearest(x)
        own, band = self.judge.labels.index(self.names[label]), self.bands[self.names[label]]
        shares = None if band is None else band.shares(x)
        verdicts = []
        for i, (sound, p) in enumerate(zip(sounds, probabilities, strict=True)):
            share = None if shares is None else float(shares[i])
            failed = (
                np.sqrt(np.mean(np.square(read(sound.recording.path), dtype=np.float64))) < SILENCE,
                p.argmax() != own or p[own] < least,
                self.mark is not None and distances[i] < self.mark,
                band is not None and not band.holds(np.array(share)),
            )
            outcome = next((why for why, bad in zip(REASONS, failed, strict=True) if bad), KEPT)
            parent = self.near.files[parents[i]]
            verdicts.append(GateResult(outcome, float(p[own]), float(distances[i]), share, parent))
        return verdicts

    def _windows(self, clips: Sequence[Clip]) -> np.ndarray:
        spec = self.fresh.extractor.spec
        nothing = np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32)
        return np.concatenate([nothing, *(self.store(c) for c in clips)])

    def _mark(self, real: Sequence[Clip]) -> float | None:
        """The 1st percentile of distances between clips of different tapes, by at most `MOST` windows."""
        step = -(-len(real) // MOST)
        windows = [(self.store(c)[0], c.group_key) for c in real[::step]]
        x = np.stack([w for w, _ in windows])
        return CopyThresholds.of(shifted_distances(x, x), [tape for _, tape in windows], np.zeros(0)).pair
