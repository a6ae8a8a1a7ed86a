"""Events from the scores of windows: which calls a scan found, where they begin and end, and how sure it is.

    for event in find_events(sound, EventSettings()):      # all events, also unlikely ones
        event.label, event.start, event.stop, event.score

Every class has its own events. The scores of a window add up to 1 over all classes, with those that mean "no
call"; these are never reported. Events of one class never overlap, and no event goes across a gap, a sleep of
the recorder, or a cell that was not analysed (`scan/score_series.py`).

- `boxes` (the default): change points of the score (`scan/change_points.py`).
- `hysteresis`: where the score stays at `low` or above. Kept if its score reaches the threshold, which is the
  high level of the hysteresis.
- `windows`: windows at or above the threshold, those that touch or overlap as one event. Only here does the
  extent depend on the threshold.

The score of an event is the highest score of the windows whose middle is in the event. Probabilities are
calibrated, so the score means what a probability of a window means. A sound may come in sections: the events
are those of the whole, and memory is that of a section.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from finback.scan.class_events import ClassEvents
from finback.scan.event_settings import EventSettings
from finback.scan.found_events import FoundEvent
from finback.scan.score_series import Part, parts
from finback.scan.spans import ScoredSound


def find_events(
    sound: ScoredSound, settings: EventSettings, thresholds: Sequence[float] | None = None
) -> list[FoundEvent]:
    """The events of one channel of a file, sorted by start, end and class.

    `thresholds` (K,) of the classes drop events with a lower score; None keeps all from `settings.lowest` on.
    """
    return list(events_of([sound], settings, thresholds))


def events_of(
    sections: Iterable[ScoredSound], settings: EventSettings, thresholds: Sequence[float] | None = None
) -> Iterator[FoundEvent]:
    """The events of one channel of a file, whose windows come in sections."""
    finder: _Finder | None = None
    known: list[ScoredSound] = []

    def noted() -> Iterator[ScoredSound]:
        for section in sections:
            if not known:
                known.append(section)
            yield section

    def reach_of(window: int) -> float:
        return max(_half(settings, name, window, known[0]) for name in ("", *settings.by_class))

    for part in parts(noted(), reach_of):
        if finder is None:
            finder = _Finder(known[0], settings, thresholds)
        found = finder.add(part)
        if part.is_last:
            yield from found
            finder = None


def _half(settings: EventSettings, label: str, window: int, sound: ScoredSound) -> float:
    """Half of the length of the step filter of a class, in samples: that of one window, unless it is set."""
    step_s = settings.finder_of(label).step_s
    return (window if step_s is None else step_s * sound.file.sample_rate) / 2


class _Finder:
    """Finds the events of a stretch, part by part."""

    def __init__(
        self, sound: ScoredSound, settings: EventSettings, thresholds: Sequence[float] | None
    ) -> None:
        labels = sound.labels.names
        least = np.full(len(labels), settings.lowest)
        if thresholds is not None:
            least = np.maximum(least, np.asarray(thresholds, dtype=np.float64))
        self._sound, self._settings = sound, settings
        self._classes = {
            k: ClassEvents(settings, settings.finder_of(labels[k]), float(least[k]), sound.file.sample_rate)
            for k in settings.called(labels)
        }

    def add(self, part: Part) -> list[FoundEvent]:
        """All events of the stretch when it ends, in order."""
        labels, sound = self._sound.labels.names, self._sound
        for k, own in self._classes.items():
            own.add(part, k, _half(self._settings, labels[k], part.window, sound))
        if not part.is_last:
            return []
        ends = part.stretch_start, int(part.edges[-1])
        found = [
            FoundEvent(sound.file, sound.channel, labels[k], *event[:4], event.reach, ends, event.others)
            for k, own in self._classes.items()
            for event in own.listed
        ]
        return sorted(found, key=lambda e: (e.start, e.stop, e.label))
