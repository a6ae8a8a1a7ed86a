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
from finback.scan.spans import LEFT_OUT

Floats = NDArray[np.float64]
LEAST_COSINE = 0.7  # with the mean direction
DURATION_FACTOR = 2.0  # from the median duration
BAND_FACTOR = 1.5  # from the median of the middles of the bands


def vectors(journal: Journal, events: Sequence[FoundEvent]) -> Floats:
    """The vector (N, D) of the window in the middle of each event, without the mean of all windows.

    The mean is that of the analysed windows of the recordings that hold an event.
    """
    of: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for i, event in enumerate(events):
        of[event.file.path, event.channel].append(i)
    found: Floats | None = None
    n, total = 0, np.zeros(1)
    for file, sections in journal.sections({path for path, _ in of}, embeddings=True):
        waiting: list[int] = []
        last: tuple[int, NDArray[np.float32]] | None = None  # window of the section before
        for section in sections:
            values = section.logits if section.embeddings is None else section.embeddings
            if found is None:
                found = np.zeros((len(events), values.shape[1]))
            if last is None:
                waiting = of.get((file.path, section.channel), [])
                if not waiting:
                    break
            kept = values[section.faults & LEFT_OUT == 0].astype(np.float64)
            n, total = n + len(kept), total + kept.sum(axis=0)
            middles = section.start + section.stop  # twice the middle
            if last is not None:
                middles, values = np.append(last[0], middles), np.concatenate([last[1], values])
            if waiting:
                waiting = _nearest(events, waiting, middles, values, found)
            last = int(middles[-1]), values[-1:]
        if found is not None and last is not None and waiting:
            found[waiting] = last[1]
    if found is None:
        return np.zeros((len(events), 1))
    return found - total / max(n, 1)


def _nearest(
    events: Sequence[FoundEvent],
    waiting: list[int],
    middles: NDArray[np.int64],
    values: NDArray[np.float32],
    found: Floats,
) -> list[int]:
    """Fill in the vectors of the windows nearest to the events; those behind the windows go on waiting."""
    wanted = np.array([events[i].start + events[i].stop for i in waiting])
    is_here = wanted <= middles[-1]
    own = wanted[is_here]
    after = np.searchsorted(middles, own)
    before = np.maximum(after - 1, 0)
    nearest = np.where(own - middles[before] <= middles[after] - own, before, after)
    found[np.array(waiting)[is_here]] = values[nearest]
    return [i for i, here in zip(waiting, is_here.tolist(), strict=True) if not here]


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
