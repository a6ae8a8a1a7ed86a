"""Events from the scores of windows: which calls a scan found, where they begin and end, and how sure it is.

    for event in find_events(sound, EventSettings()):      # all events, also unlikely ones
        event.label, event.start, event.stop, event.score

Every class has its own events. The scores of a window add up to 1 over all classes, with those that mean "no
call"; these are never reported. Events of one class never overlap, and no event goes across a gap, a sleep of
the recorder, or a cell that was not heard (`scan/score_series.py`).

- `boxes` (the default): change points of the score (`scan/change_points.py`).
- `hysteresis`: where the score stays at `low` or above. Kept if its score reaches the threshold, which is the
  high level of the hysteresis.
- `windows`: windows at or above the threshold, those that touch or overlap as one event. Only here does the
  extent depend on the threshold.

The score of an event is the highest score of the windows whose middle is in the event. Probabilities are
calibrated, so the score means what a probability of a window means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from finback.scan.change_points import Floats, Ints, event_extents
from finback.scan.event_settings import EventSettings
from finback.scan.found_events import FoundEvent
from finback.scan.score_series import Series, Stretch, stretches
from finback.scan.spans import ScoredSound

Scored = tuple[int, int, float, float]  # start, stop, highest score, mean score
NEAR_S = 30.0  # events within this time are not background of each other


def find_events(
    sound: ScoredSound, settings: EventSettings, thresholds: Sequence[float] | None = None
) -> list[FoundEvent]:
    """The events of one channel of a file, sorted by start, end and class.

    `thresholds` (K,) of the classes drop events with a lower score; None keeps all from `settings.lowest` on.
    """
    labels = sound.labels.names
    least = np.full(len(labels), settings.lowest)
    if thresholds is not None:
        least = np.maximum(least, np.asarray(thresholds, dtype=np.float64))
    found: list[FoundEvent] = []
    for stretch in stretches(sound):
        for k in settings.called(labels):
            series = stretch.of_class(k)
            extents = _extents(sound, (stretch, series), settings, k, float(least[k]))
            scored = [each for each in _scored(stretch, series, *extents) if each[2] >= settings.lowest]
            reach, ends = _reach(stretch, scored), (int(stretch.edges[0]), int(stretch.edges[-1]))
            for i, event in enumerate(scored):
                if event[2] >= least[k]:
                    others = _near(scored, i, round(NEAR_S * sound.file.sample_rate))
                    own = (sound.file, sound.channel, labels[k], *event)
                    found.append(FoundEvent(*own, reach[i], ends, others))
    return sorted(found, key=lambda e: (e.start, e.stop, e.label))


def _near(scored: Sequence[Scored], i: int, near: int) -> tuple[tuple[int, int], ...]:
    """The events within `near` samples that are at least half as sure as the i-th one."""
    start, stop, score, _ = scored[i]
    found = []
    for step in (-1, 1):
        j = i + step
        while 0 <= j < len(scored) and start - near < scored[j][1] and scored[j][0] < stop + near:
            if scored[j][2] >= score / 2:
                found.append(scored[j][:2])
            j += step
    return tuple(sorted(found))


def _reach(stretch: Stretch, scored: Sequence[Scored]) -> list[tuple[int, int]]:
    """How far the box of each event may go: half a window, and at most half of the way to a neighbour."""
    half = int((stretch.stop - stretch.start).max()) // 2
    ends = [int(stretch.edges[0]), *(x for event in scored for x in event[:2]), int(stretch.edges[-1])]
    found = []
    for i in range(1, len(ends) - 1, 2):
        before = (ends[i] - ends[i - 1]) // (1 if i == 1 else 2)
        after = (ends[i + 2] - ends[i + 1]) // (1 if i == len(ends) - 3 else 2)
        found.append((ends[i] - min(half, before), ends[i + 1] + min(half, after)))
    return found


def _extents(
    sound: ScoredSound, of: tuple[Stretch, Series], settings: EventSettings, k: int, threshold: float
) -> tuple[Ints, Ints]:
    """Starts (N,) and stops (N,) of the events of class k, in samples."""
    stretch, series = of
    if settings.method == "windows":
        p = series.probabilities
        return _joined(stretch.start[p >= threshold], stretch.stop[p >= threshold])
    scores = series.scores.astype(np.float64)
    if not (scores.size and series.probabilities.max() >= threshold):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if settings.method == "hysteresis":
        first, last = _runs(scores >= settings.low)
    else:
        finder = settings.finder_of(sound.labels.names[k])
        length = _step_samples(stretch) if finder.step_s is None else finder.step_s * sound.file.sample_rate
        first, last = event_extents(stretch.edges, scores, length / 2, finder)
    return stretch.edges[first], stretch.edges[last]


def _step_samples(stretch: Stretch) -> float:
    """The length of the step filter that is not set: one window."""
    return float((stretch.stop - stretch.start).max())


def _runs(above: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First and last edge of the runs of True."""
    change = np.diff(np.concatenate([[0], above.astype(np.int8), [0]]))
    return np.flatnonzero(change > 0), np.flatnonzero(change < 0)


def _joined(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Windows, in order, as the stretches of sound that they cover together."""
    if not len(start):
        return start, stop
    ends = np.maximum.accumulate(stop)
    apart = start[1:] > ends[:-1]
    return start[np.concatenate([[True], apart])], ends[np.concatenate([apart, [True]])]


def _scored(stretch: Stretch, series: Series, start: Ints, stop: Ints) -> Iterator[Scored]:
    """(start, stop, highest score, mean score) of each event."""
    middles = stretch.start + stretch.stop  # twice the middle, a whole number
    p = series.probabilities
    first = np.searchsorted(middles, 2 * start, side="left")
    last = np.searchsorted(middles, 2 * stop, side="right")
    for a, b, i, j in zip(start.tolist(), stop.tolist(), first.tolist(), last.tolist(), strict=True):
        own = p[i:j] if j > i else _pieces(stretch, series, a, b)
        yield a, b, float(own.max()), float(own.mean(dtype=np.float64))


def _pieces(stretch: Stretch, series: Series, start: int, stop: int) -> Floats:
    """The scores of the pieces of time in an event that holds no middle of a window."""
    first, last = np.searchsorted(stretch.edges, [start, stop])
    return series.scores[first : max(last, first + 1)].astype(np.float64)
