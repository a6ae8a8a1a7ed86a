"""Generated log-mels as training examples, without conversion to sound.

    clips = synthetic_clips(names, spec, "synthetic:3f2a")  # clips with these labels, marked as synthetic
    inputs = TrainingInputs(SyntheticStore(store, clips, x), [*real, *clips], augment)

The rest of the training treats them as clips: they are drawn, augmented and mixed like real clips. A `Split`
keeps them out of the validation and test sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finback.core.errors import SpecMismatchError
from finback.core.types import Clip, Recording
from finback.features.cache import FeatureStore
from finback.features.spec import FeatureSpec


def synthetic_clips(names: Sequence[str], spec: FeatureSpec, group: str) -> tuple[Clip, ...]:
    """One synthetic clip for each name, as long as the window of the spec; `group` names their generator."""
    n, rate = spec.clip_samples, spec.sample_rate
    recordings = [
        Recording(f"{group}:{i}", Path(f"{group}-{i}"), rate, n, group=group, source="synthetic")
        for i in range(len(names))
    ]
    return tuple(Clip(r, 0, n, label=name, synthetic=True) for r, name in zip(recordings, names, strict=True))


class SyntheticStore(FeatureStore):
    """A store with the features of synthetic clips in memory; other clips are read from the inner store."""

    def __init__(self, inner: FeatureStore, clips: Sequence[Clip], logmels: np.ndarray) -> None:
        """`logmels` (N, M, F) in the units of the spec, one for each clip.

        Raises `SpecMismatchError` if their shape is not that of the spec.
        """
        super().__init__(inner.extractor, inner.root)
        spec = self.extractor.spec
        wanted = (len(clips), spec.n_mels, spec.n_frames)
        front_end = self.extractor.front_end
        if not front_end.is_spectrogram or logmels.shape != wanted:
            raise SpecMismatchError(
                f"generated log-mels {logmels.shape} for a model that takes in {front_end.name} {wanted}",
                "take a family that takes in log-mels, such as cnn2d, with the generator's features",
            )
        self.known = {clip.key: x[None] for clip, x in zip(clips, logmels, strict=True)}

    def __call__(self, clip: Clip) -> np.ndarray:
        """The log-mels (1, M, F) of a synthetic clip, or the features of another clip."""
        return self.known[clip.key] if clip.key in self.known else super().__call__(clip)

    def missing(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips whose features are neither in memory nor on disk."""
        return super().missing([c for c in clips if c.key not in self.known])
