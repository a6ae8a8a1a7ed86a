"""What the training clips of each species are like, for the warnings of predictions.

    save_training_clips(run.training_clips, described(clips))

The limits are those that 95 % of the clips of a species exceed, or do not exceed. A species with few clips
has those of its extreme clips. Synthetic clips are not described: warnings compare with recordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from finback.audio.measured import measured
from finback.audio.samples import samples_of
from finback.core.progress import Progress, no_progress
from finback.core.runs.training_clips import SpeciesClips, TrainingClips
from finback.core.types import Clip

LONGEST_S = 10.0  # of a clip that is measured
SHARE = 0.05  # of the clips of a species have less


def described(
    clips: Sequence[Clip], least_known: float | None = None, progress: Progress = no_progress
) -> TrainingClips:
    """From the clips that a model was trained on. Raises `AudioError` for a recording that cannot be read."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if not clip.synthetic and clip.label is not None:
            found[clip.label].append(clip)
    real = [clip for own in found.values() for clip in own]
    for clip in progress(real, "measuring training clips", len(real)):
        _measured(clip)
    species = {name: _species(own) for name, own in sorted(found.items())}
    return TrainingClips(species=species, least_known=least_known)


class _Measures(NamedTuple):
    end_hz: float
    high_hz: float
    low_hz: float
    peak: float


@lru_cache(maxsize=1 << 16)  # folds share most of their clips
def _measured(clip: Clip) -> _Measures:
    longest = round(LONGEST_S * clip.recording.sample_rate)
    sound = measured(samples_of(clip), clip.start, min(clip.stop, clip.start + longest))
    return _Measures(sound.end_hz, sound.high_hz, sound.low_hz, sound.peak)


def _species(own: Sequence[Clip]) -> SpeciesClips:
    sounding = [found for clip in own if (found := _measured(clip)).end_hz]
    return SpeciesClips(
        n_clips=len(own),
        n_groups=len({clip.group_key for clip in own}),
        shortest_s=_exceeded(clip.duration_s for clip in own),
        nyquist_hz=_exceeded(clip.recording.sample_rate / 2 for clip in own),
        end_hz=_exceeded(found.end_hz for found in sounding),
        high_hz=_exceeded(found.high_hz for found in sounding),
        low_hz=_not_exceeded(found.low_hz for found in sounding),
        peak=_exceeded(found.peak for found in sounding),
    )


def _exceeded(values: Iterable[float]) -> float | None:
    """The value that 95 % of the clips exceed: one of theirs, rounded down."""
    found = list(values)
    return float(np.quantile(found, SHARE, method="lower")) if found else None


def _not_exceeded(values: Iterable[float]) -> float | None:
    """The value that 95 % of the clips do not exceed: one of theirs, rounded up."""
    found = list(values)
    return float(np.quantile(found, 1 - SHARE, method="higher")) if found else None
