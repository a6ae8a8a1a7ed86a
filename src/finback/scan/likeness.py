"""How much detections are alike: by the embeddings in the journal, else by the logits.

    vectors(journal, events)                 # (N, D)
    alike(vectors, events)                   # (N,) of bool: those that are like the others

A machine makes one sound again and again. Detections are alike when their vectors point the same way, and
when their duration and the middle of their band are near the median of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finback.scan.found_events import FoundEvent
from finback.scan.journal import Journal
from finback.scan.spans import UNHEARD

Floats = NDArray[np.float64]
LEAST_COSINE = 0.7  # with the mean direction
DURATION_FACTOR = 2.0  # from the median duration
BAND_FACTOR = 1.5  # from the median of the middles of the bands


def vectors(journal: Journal, events: Sequence[FoundEvent]) -> Floats:
    """The vector (N, D) of the window in the middle of each event, without the mean of all windows.

    The mean is that of the heard windows of the recordings that hold an event.
    """
    of: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for i, event in enumerate(events):
        of[event.file.path, event.channel].append(i)
    found: NDArray[np.float64] | None = None
    n, total = 0, 0.0
    for sound in journal.sounds({path for path, _ in of}):
        own = of.get((sound.file.path, sound.channel))
        if own is None:
            continue
        values = sound.logits if sound.embeddings is None else sound.embeddings
        if found is None:
            found = np.zeros((len(events), values.shape[1]))
        middles = sound.start + sound.stop  # twice the middle
        wanted = np.array([events[i].start + events[i].stop for i in own])
        after = np.minimum(np.searchsorted(middles, wanted), len(middles) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(wanted - middles[before] <= middles[after] - wanted, before, after)
        found[own] = values[nearest]
        heard = values[sound.faults & UNHEARD == 0].astype(np.float64)
        n, total = n + len(heard), total + heard.sum(axis=0)
    if found is None:
        return np.zeros((len(events), 1))
    return found - np.asarray(total) / max(n, 1)


def alike(own: Floats, events: Sequence[FoundEvent]) -> NDArray[np.bool_]:
    """Which events (N,) are like the others, by their vectors (N, D), durations and bands."""
    length = np.linalg.norm(own, axis=1, keepdims=True)
    directions = np.where(length > 0, own / np.where(length > 0, length, 1.0), 0.0)
    mean = np.median(directions, axis=0)
    size = float(np.linalg.norm(mean))
    near = directions @ (mean / size) >= LEAST_COSINE if size > 0 else np.ones(len(own), bool)
    durations = np.array([event.duration_s for event in events])
    near &= _within_factor(durations, DURATION_FACTOR)
    return near & _within_factor(np.array([_middle_hz(event) for event in events]), BAND_FACTOR)


def _within_factor(values: Floats, factor: float) -> NDArray[np.bool_]:
    """Which values are within a factor of the median; those that are not known count as such."""
    known = np.isfinite(values)
    if not known.any():
        return np.ones(len(values), bool)
    middle = float(np.median(values[known]))
    return ~known | ((values >= middle / factor) & (values <= middle * factor))


def _middle_hz(event: FoundEvent) -> float:
    box = event.box
    if box is None or box.low_hz is None or box.high_hz is None:
        return float("nan")
    return (box.low_hz + box.high_hz) / 2
