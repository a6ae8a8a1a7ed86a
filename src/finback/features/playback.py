"""`features.playback = "auto"`: speeds that fit a collection, from the native rates of its recordings.

    speeds_for([2000, 2000, 2000], 48_000)     # (16.0, 8.0): infrasound is played faster
    speeds_for([44_100, 81_920], 48_000)       # (1.0, 0.5)
    speeds_for([384_000], 48_000)              # (0.125, 0.0625): ultrasound is played slower

The speeds are chosen once, for all recordings of a run, and are stored in the run as numbers. They are not
chosen for each recording: the native rate is a property of a tape, and a speed that depends on it would tell
a classifier which tape it has (docs/decisions/0050).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from finback.core.types import Clip
from finback.features.spec import FASTEST, SLOWEST, FeatureSpec

# The usual two speeds are taken while the band of a recording is between an eighth and four times that of the
# network.
NARROW, WIDE = 1 / 8, 4.0
USUAL = (1.0, 0.5)


def speeds_for(sample_rates: Sequence[int], sample_rate: int) -> tuple[float, float]:
    """Two speeds for recordings of these rates (Hz) and a network that takes `sample_rate` (Hz).

    Outside the usual range, the first is the fastest power of two at which the whole band of the median
    recording is in the band of the network; the second is half of it.
    """
    share = float(np.median(sample_rates)) / sample_rate
    if NARROW <= share <= WIDE:
        return USUAL
    first = 2.0 ** math.floor(-math.log2(share))
    first = min(max(first, 2 * SLOWEST), FASTEST)
    return first, first / 2


def rates_of_groups(clips: Sequence[Clip]) -> list[int]:
    """The median native rate (Hz) of each recording group: a large tape counts no more than others."""
    rates: dict[str, list[int]] = {}
    for clip in clips:
        rates.setdefault(clip.group_key, []).append(clip.recording.sample_rate)
    return [int(np.median(own)) for own in rates.values()]


def resolved(spec: FeatureSpec, clips: Sequence[Clip]) -> FeatureSpec:
    """The spec with numbers instead of "auto", from the recordings of all real clips; else unchanged."""
    if spec.playback != "auto":
        return spec
    rates = rates_of_groups([clip for clip in clips if not clip.synthetic])
    return spec.model_copy(update={"playback": speeds_for(rates, spec.sample_rate) if rates else USUAL})
